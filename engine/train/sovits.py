"""Fine-tunes SoVITS: a generator that learns to sound like the clips, and judges that learn to tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from engine.audio.spectrogram import MelSpec, log_mel, mel_of_linear
from engine.checkpoints.manner import manner_entry, read_manner
from engine.models.discriminators import DiscriminatorConfig, Discriminators, Judgement, load_discriminators
from engine.models.sovits import Sovits, SovitsTrainingOutput, export_sovits, has_posterior, load_sovits
from engine.modules.device import choose_device
from engine.modules.lengths import take_segments
from engine.modules.normed import held_weights
from engine.protocol.builtin import pretrained, starter_voice
from engine.protocol.context import Context
from engine.protocol.errors import BadCheckpoint
from engine.protocol.exports import sovits_name
from engine.protocol.results import StageResult
from engine.protocol.stages.training import TrainSovitsParameters
from engine.protocol.versions import Decoder, ModelVersion, version
from engine.protocol.voices import Manner
from engine.protocol.workspace import Workspace
from engine.train.course import Course, carry_out
from engine.train.device import exact, gradient_norm, mixed, mixed_precision
from engine.train.flow_sovits import run as train_flow
from engine.train.losses import (
    discriminator_loss,
    divergence_loss,
    feature_loss,
    generator_loss,
    mel_loss,
)
from engine.train.peers import ALONE, Peers
from engine.train.plan import (
    Batch,
    batches_by_frames,
    epoch_generator,
    fingerprint,
    heaviest,
    named,
    numbered,
    repeated,
    repetition,
)
from engine.train.recipe import SHARE, adam, official_settings, rate_of
from engine.train.sovits_data import (
    SovitsBatch,
    SovitsItem,
    drawn,
    sovits_batch,
    sovits_items,
    spectrogram_spec,
)
from engine.train.state import Part, Place, randomness, restore_randomness

TEXT_PARTS: Final = ("enc_p.text_embedding.", "enc_p.encoder_text.", "enc_p.mrte.")
_OFFICIAL_WIDTH: Final = 512
_PLAIN: Final = ("mel", "kl")
_DECEIVING: Final = ("features", "generator")
_JUDGED: Final = "judged"
"""Where the judges' optimiser keeps the figures of its move, until the generator has made its own."""


@dataclass(frozen=True, slots=True)
class _Weight:
    """How much a batch counts among all of a step: by its clips, or by its frames."""

    clips: float
    frames: float

    def of(self, loss: str) -> float:
        """The weight of a named loss."""
        return self.frames if loss == "kl" else self.clips


class SovitsTraining:
    """The data, networks and optimisers of one SoVITS training."""

    def __init__(
        self,
        parameters: TrainSovitsParameters,
        generator: Sovits,
        judges: Discriminators,
        items: Sequence[SovitsItem],
        weights: Path,
        manner: Manner | None = None,
    ) -> None:
        self.peers: Peers = ALONE
        self._manner = manner or Manner()
        self._parameters = parameters
        self._items = items
        self._weights = weights
        self._config = generator.config
        self._mel = MelSpec(
            spectrogram=spectrogram_spec(generator.config),
            bands=generator.config.mel_bands,
            low_hz=generator.config.mel_low_hz,
            high_hz=generator.config.mel_high_hz,
        )
        self._device = choose_device(parameters.device)
        self._mixed = mixed_precision(self._device, parameters.precision)
        self._generator = generator.to(self._device).train()
        self._generator.save_memory(enabled=parameters.save_memory)
        self._judges = judges.to(self._device).train()
        self._generator_optimiser = adam(
            rate_groups(generator, parameters.learning_rate, parameters.text_low_lr_rate),
            parameters.learning_rate,
        )
        self._judge_optimiser = adam(
            [{"params": list(judges.parameters()), SHARE: 1.0, _JUDGED: {}}], parameters.learning_rate
        )
        self._indices = repeated(len(items), parameters.fewest_items)

    @property
    def order(self) -> str:
        """Fingerprint of the data and of their order."""
        settings = (self._parameters.seed, self._parameters.batch_size, *repetition(self._parameters))
        return fingerprint([settings, *((item.name, item.frames, item.phones) for item in self._items)])

    def parts(self) -> Mapping[str, Part]:
        """Everything with a state."""
        return {
            "generator": self._generator,
            "discriminators": self._judges,
            "generator_optimiser": self._generator_optimiser,
            "discriminator_optimiser": self._judge_optimiser,
        }

    def plan(self, epoch: int) -> list[list[Batch]]:
        """Steps of one batch each."""
        frames = [self._items[index].frames for index in self._indices]
        source = epoch_generator(self._parameters.seed, epoch)
        batches = batches_by_frames(frames, self._parameters.batch_size, source)
        return [[tuple(self._indices[place] for place in batch)] for batch in batches]

    def clips(self, step: Sequence[Batch]) -> list[str]:
        """Names of the clips of a step."""
        return named([item.name for item in self._items], step)

    def heaviest(self, count: int) -> Batch:
        """The longest clips."""
        return heaviest([item.frames for item in self._items], count)

    def load(self, step: Sequence[Batch]) -> list[SovitsBatch]:
        """Reads the batch of a step: one, or several smaller ones where memory is short."""
        count = len(self._items)
        return [
            sovits_batch([self._items[key % count] for key in keys], self._config, keys)
            for keys in numbered(step, count)
        ]

    def step(
        self, data: list[SovitsBatch], step: int, check_cancelled: Callable[[], None]
    ) -> dict[str, float]:
        """First the judges learn to tell recordings from made sound, then the generator to deceive them."""
        del check_cancelled  # the judges move first: from then on the step has to be finished
        adversarial = step >= self._parameters.adversarial_from_step
        figures = self._judged_before(step)
        judging = adversarial and not figures
        batches = [batch.to(self._device) for batch in data]
        weights = self._weights_of(data)
        begun: tuple[Tensor, SovitsTrainingOutput] | None = None
        if len(batches) == 1:
            begun = self._made(batches[0], step)
            if judging:
                figures = self._judge_step([begun], weights, step)
        elif judging:
            before = randomness()
            figures = self._judge_step((self._heard(batch, step) for batch in batches), weights, step)
            restore_randomness(before)  # the generator shall learn from what was judged
        self._generator_optimiser.zero_grad(set_to_none=True)
        added = dict.fromkeys((*_PLAIN, *(_DECEIVING if adversarial else ())), 0.0)
        for batch, weight in zip(batches, weights, strict=True):
            real, made = begun or self._made(batch, step)
            losses = self._plain_losses(batch, made)
            if adversarial:
                losses |= self._deceiving_losses(real, made.wave)
            weighted = {name: loss * weight.of(name) for name, loss in losses.items()}
            torch.stack(list(weighted.values())).sum().backward()  # type: ignore[no-untyped-call]
            for name, value in weighted.items():
                added[name] += float(value.detach())
        self.peers.add_gradients(self._generator.parameters())
        sums = dict(zip(added, self.peers.total(list(added.values())), strict=True))
        figures["grad_norm"] = gradient_norm(self._generator.parameters())
        self._generator_optimiser.step()
        self._judge_optimiser.param_groups[0][_JUDGED] = {}
        rate = float(self._generator_optimiser.param_groups[0]["lr"])
        named_losses = {f"loss_{name}": value for name, value in sums.items()}
        return {"loss": sum(sums.values()), **named_losses, **figures, "learning_rate": rate}

    def _weights_of(self, data: Sequence[SovitsBatch]) -> list[_Weight]:
        """How much each batch counts in the step of all processes."""
        clips, frames = (
            [len(batch.frames) for batch in data],
            [int(batch.frames.sum()) for batch in data],
        )
        all_clips, all_frames = self.peers.total([sum(clips), sum(frames)])
        return [
            _Weight(some / all_clips, long / all_frames) for some, long in zip(clips, frames, strict=True)
        ]

    def _made(self, batch: SovitsBatch, step: int) -> tuple[Tensor, SovitsTrainingOutput]:
        """Stretches of the recordings, and what the generator makes of them."""
        with mixed(self._device, enabled=self._mixed):
            made = self._generator(
                batch.ssl,
                batch.spectrogram,
                batch.frames,
                batch.phones,
                batch.phone_lengths,
                speaker=batch.speaker,
                draws=drawn(batch, self._config, self._parameters.seed, step),
            )
        hop = self._config.hop_samples
        return take_segments(batch.wave, made.starts * hop, self._config.segment_samples), made

    def _heard(self, batch: SovitsBatch, step: int) -> tuple[Tensor, SovitsTrainingOutput]:
        """The same for the judges alone, without what learning would need."""
        with torch.no_grad():
            return self._made(batch, step)

    def _judge_step(
        self, pairs: Iterable[tuple[Tensor, SovitsTrainingOutput]], weights: Sequence[_Weight], step: int
    ) -> dict[str, float]:
        """The judges move; a step that ends between their move and the generator's finds that noted."""
        self._judges.requires_grad_(requires_grad=True)
        self._judge_optimiser.zero_grad(set_to_none=True)
        added = 0.0
        for (real, made), weight in zip(pairs, weights, strict=True):
            with mixed(self._device, enabled=self._mixed):
                both = self._judges(torch.cat((real, made.wave.detach())))  # one pass: faster than two
            loss = discriminator_loss(*_halves(both)) * weight.clips
            loss.backward()  # type: ignore[no-untyped-call]
            added += float(loss.detach())
        self.peers.add_gradients(self._judges.parameters())
        (added,) = self.peers.total([added])
        norm = gradient_norm(self._judges.parameters())
        self._judge_optimiser.step()
        figures = {"loss_discriminator": added, "grad_norm_discriminator": norm}
        self._judge_optimiser.param_groups[0][_JUDGED] = {"step": step, **figures}
        return figures

    def _judged_before(self, step: int) -> dict[str, float]:
        """Figures of the judges' move, where the step was begun before and memory ended after it."""
        figures: dict[str, float] = dict(self._judge_optimiser.param_groups[0].get(_JUDGED, {}))
        return figures if figures.pop("step", None) == step else {}

    def _plain_losses(self, batch: SovitsBatch, made: SovitsTrainingOutput) -> dict[str, Tensor]:
        with exact(self._device):
            wanted = mel_of_linear(batch.spectrogram, self._mel)
            wanted = take_segments(wanted, made.starts, self._config.segment_frames)
            got = log_mel(made.wave.float().squeeze(1), self._mel)
            return {
                "mel": mel_loss(wanted, got),
                "kl": divergence_loss(made.prior_latent, made.prior, made.posterior, made.mask),
            }

    def _deceiving_losses(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """The judges stay as they are: no gradient of theirs is computed or kept."""
        self._judges.requires_grad_(requires_grad=False)
        with held_weights(self._judges), mixed(self._device, enabled=self._mixed):
            with torch.no_grad():
                true = self._judges(real)
            made = self._judges(fake)
        return {"features": feature_loss(true, made), "generator": generator_loss(made)}

    def begin_epoch(self, epoch: int) -> None:
        """All rates decay from epoch to epoch."""
        rate = rate_of(self._parameters, epoch)
        for optimiser in (self._generator_optimiser, self._judge_optimiser):
            for group in optimiser.param_groups:
                group["lr"] = rate * group[SHARE]

    def weights_path(self, place: Place) -> Path:
        """Where the weights of a place are exported to."""
        return self._weights / sovits_name(self._parameters.experiment, place.epoch, place.step)

    def export(self, place: Place) -> Path:
        """Writes the weights in the official layout, in half precision."""
        return export_sovits(
            self._generator,
            self.weights_path(place),
            info=f"{place.epoch}epoch_{place.step}iteration",
            config={
                **official_settings(self._parameters, self._items[0].sound.parent.parent),
                **manner_entry(self._manner),
            },
        )


def _halves(both: Sequence[Judgement]) -> tuple[list[Judgement], list[Judgement]]:
    """Judgements of a batch of recordings followed by as much made sound, taken apart."""
    half = len(both[0].score) // 2
    return (
        [Judgement(one.score[:half], tuple(layer[:half] for layer in one.features)) for one in both],
        [Judgement(one.score[half:], tuple(layer[half:] for layer in one.features)) for one in both],
    )


def rate_groups(generator: nn.Module, rate: float, text_share: float) -> list[dict[str, Any]]:
    """The trainable tensors in four groups: the three text parts learn at a share of the rate."""
    rest: list[Tensor] = []
    text: dict[str, list[Tensor]] = {part: [] for part in TEXT_PARTS}
    for name, tensor in generator.named_parameters():
        if tensor.requires_grad:
            part = next((part for part in TEXT_PARTS if name.startswith(part)), None)
            (rest if part is None else text[part]).append(tensor)
    slower = [{"params": tensors, "lr": rate * text_share, SHARE: text_share} for tensors in text.values()]
    return [{"params": rest, "lr": rate, SHARE: 1.0}, *slower]


def starting_judges(path: Path | None, generator: Sovits, seed: int, context: Context) -> Discriminators:
    """The judges of a file; where there is none, new ones, as wide as befits the generator."""
    if path is not None and path.is_file():
        return load_discriminators(path)
    context.log(
        f"There is no pretrained discriminator at {path or 'hand'}: a new one is trained; it takes longer.",
        "warning",
    )
    narrower = next(
        (by for by in (1, 2, 4, 8) if generator.config.upsample_channels * by >= _OFFICIAL_WIDTH), 16
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        periods = version(generator.config.version).judge_periods
        return Discriminators(DiscriminatorConfig(periods=periods, narrower=narrower))


def _require_version(generator: Sovits, wanted: ModelVersion, path: Path) -> None:
    if generator.config.version != wanted.name:
        raise BadCheckpoint(
            f"{path} is a SoVITS model of {generator.config.version}, but {wanted.name} is to be trained.",
            hint=f"Choose weights of {wanted.name} to start from, or train {generator.config.version}.",
        )


def _warn(start: Path, context: Context) -> None:
    """Says what the user should know of the weights before hours go into them."""
    if not has_posterior(start):
        context.log(
            f"{start.name} was exported for speaking, without the part that only training uses: it begins by "
            "chance, and the voice may get worse. Pretrained weights (s2G) have it.",
            "warning",
        )
    if start.absolute().parent == starter_voice():
        context.log(
            "The program's small starter voice shows every step, but it cannot take on a natural voice: what "
            "comes out will hardly be understood. For a voice of your own put the official weights into the "
            "workspace; the doctor says which and where.",
            "warning",
        )


def run(parameters: TrainSovitsParameters, context: Context) -> StageResult:
    """Fine-tunes SoVITS on the prepared clips of an experiment.

    Raises:
        NothingToDo: the clips are not prepared.
        BadLabels: the prepared files are broken.
        MissingModel: there are no weights to start from.
        BadCheckpoint: the weights, or the saved states, do not fit or are of another version.
        BadParameters: the data do not fit the network.
        TrainingFailed: the loss is no number any more, also at a lower rate.
        OutOfMemory: the memory was not enough, not even for one clip at a time.
        AlreadyRunning: the same training runs in another process.
        OutOfSpace: something could not be written.
        Cancelled: the user stopped; the state is saved.
    """
    workspace, facts = Workspace(parameters.workspace), version(parameters.version)
    if facts.decoder is Decoder.MEL:
        return train_flow(parameters, context)
    experiment = workspace.experiment(parameters.experiment)
    given = pretrained(workspace, facts)
    start = parameters.pretrained_generator or given.generator
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(parameters.seed)
        generator = load_sovits(start, posterior=True)
    _require_version(generator, facts, start)
    _warn(start, context)
    items, skipped = sovits_items(experiment, facts, generator.config)
    judges = starting_judges(
        parameters.pretrained_discriminator or given.discriminator, generator, parameters.seed, context
    )
    weights, manner = workspace.sovits_weights(facts), read_manner(start)
    course = Course(
        network="SoVITS",
        parameters=parameters,
        start=start,
        make=lambda given: SovitsTraining(given, generator, judges, items, weights, manner),
        clips=len(items),
        skipped=skipped,
    )
    return carry_out(course, context)
