"""Fine-tunes SoVITS of v3 or v4: its flow learns to sound like the clips, without judges.

It learns by adapters, or as a whole where their rank is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.audio.resample import resample
from engine.audio.spectrogram import MelSpec, log_mel, normalise_mel
from engine.checkpoints.reader import read_checkpoint
from engine.models.flow_network import FlowSovits, FlowVersion
from engine.models.flow_sovits import (
    export_adapters,
    export_flow_sovits,
    is_adapter,
    load_flow_sovits,
    prepare_adapters,
    prepare_whole,
)
from engine.models.sovits_config import SovitsConfig
from engine.modules.device import choose_device
from engine.protocol.builtin import pretrained
from engine.protocol.context import Context
from engine.protocol.errors import BadCheckpoint, NothingToDo
from engine.protocol.exports import sovits_name
from engine.protocol.results import Skipped, StageResult
from engine.protocol.stages.training import TrainSovitsParameters
from engine.protocol.versions import version
from engine.protocol.workspace import Workspace
from engine.train.course import Course, carry_out
from engine.train.device import gradient_norm, mixed, mixed_precision
from engine.train.peers import ALONE, Peers
from engine.train.plan import (
    FRAME_EDGES,
    Batch,
    batches_by_frames,
    epoch_generator,
    fingerprint,
    heaviest,
    named,
    repeated,
    repetition,
)
from engine.train.recipe import SHARE, adam, official_settings, rate_of
from engine.train.sovits_data import SovitsBatch, SovitsItem, sovits_batch, sovits_items
from engine.train.state import Part, Place

EDGES: Final = tuple(edge for edge in FRAME_EDGES if edge <= 1000)
"""Ranges of frames that make a batch; longer clips, of more than twenty seconds, are not learnt from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowBatch:
    """Clips that are learnt from at once, zero where padded.

    Attributes:
        clips: Their content, phones and linear spectrograms.
        mel: (B, bands, M) normalised.
        mel_lengths: (B,) frames with content.
    """

    clips: SovitsBatch
    mel: Tensor
    mel_lengths: Tensor

    def to(self, device: torch.device) -> FlowBatch:
        """The same on a device."""
        return FlowBatch(
            clips=self.clips.to(device), mel=self.mel.to(device), mel_lengths=self.mel_lengths.to(device)
        )


class _Learnt:
    """The tensors of a network that learn, as a part with a state: the frozen ones are many times more."""

    def __init__(self, network: nn.Module) -> None:
        self._network = network

    def state_dict(self) -> dict[str, Any]:
        """The tensors that learn, by name."""
        return {
            name: tensor.detach() for name, tensor in self._network.named_parameters() if tensor.requires_grad
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes the tensors over.

        Raises:
            ValueError: they are of another network.
        """
        own = self.state_dict()
        if {name: tensor.shape for name, tensor in own.items()} != {
            name: tensor.shape for name, tensor in state_dict.items()
        }:
            raise ValueError("other tensors were trained")
        for name, tensor in own.items():
            tensor.copy_(state_dict[name])


class FlowTraining:
    """The data, network and optimiser of one training."""

    def __init__(
        self,
        parameters: TrainSovitsParameters,
        network: FlowSovits,
        items: Sequence[SovitsItem],
        weights: Path,
    ) -> None:
        """Takes a network that `prepare_adapters` or `prepare_whole` made ready."""
        self.peers: Peers = ALONE
        self._parameters = parameters
        self._items = items
        self._weights = weights
        self._device = choose_device(parameters.device)
        self._mixed = mixed_precision(self._device, parameters.precision)
        self._network = network.to(self._device).train()
        self._network.save_memory(enabled=parameters.save_memory)
        self._learning = [tensor for tensor in network.parameters() if tensor.requires_grad]
        self._optimiser = adam([{"params": self._learning, SHARE: 1.0}], parameters.learning_rate)
        self._indices = repeated(len(items), parameters.fewest_items)

    @property
    def order(self) -> str:
        """Fingerprint of the data and of their order."""
        settings = (self._parameters.seed, self._parameters.batch_size, *repetition(self._parameters))
        return fingerprint([settings, *((item.name, item.frames, item.phones) for item in self._items)])

    def parts(self) -> Mapping[str, Part]:
        """Everything with a state."""
        return {"learnt": _Learnt(self._network), "optimiser": self._optimiser}

    def plan(self, epoch: int) -> list[list[Batch]]:
        """Steps of one batch each."""
        frames = [self._items[index].frames for index in self._indices]
        source = epoch_generator(self._parameters.seed, epoch)
        batches = batches_by_frames(frames, self._parameters.batch_size, source, EDGES)
        return [[tuple(self._indices[place] for place in batch)] for batch in batches]

    def clips(self, step: Sequence[Batch]) -> list[str]:
        """Names of the clips of a step."""
        return named([item.name for item in self._items], step)

    def heaviest(self, count: int) -> Batch:
        """The longest clips."""
        return heaviest([item.frames for item in self._items], count)

    def load(self, step: Sequence[Batch]) -> list[FlowBatch]:
        """Reads the batch of a step: one, or several smaller ones where memory is short."""
        network = self._network
        count = len(self._items)
        clips = [sovits_batch([self._items[key % count] for key in keys], network.config) for keys in step]
        return [flow_batch(one, network.version, network.config) for one in clips]

    def step(self, data: list[FlowBatch], step: int, check_cancelled: Callable[[], None]) -> dict[str, float]:
        """The flow learns where mel lies."""
        del step
        self._optimiser.zero_grad(set_to_none=True)
        (count,) = self.peers.total([sum(len(batch.mel) for batch in data)])
        added = 0.0
        for one in data:
            batch = one.to(self._device)
            clips = batch.clips
            with mixed(self._device, enabled=self._mixed):
                loss = self._network(
                    clips.ssl,
                    clips.spectrogram,
                    clips.frames,
                    clips.phones,
                    clips.phone_lengths,
                    mel=batch.mel,
                    mel_lengths=batch.mel_lengths,
                )
            share = len(batch.mel) / count
            (loss * share if share < 1 else loss).backward()
            added += float(loss.detach()) * share
            check_cancelled()
        self.peers.add_gradients(self._learning)
        (added,) = self.peers.total([added])
        figures = {"loss": added, "grad_norm": gradient_norm(self._learning)}
        self._optimiser.step()
        return {**figures, "learning_rate": float(self._optimiser.param_groups[0]["lr"])}

    def begin_epoch(self, epoch: int) -> None:
        """The rate decays from epoch to epoch."""
        for group in self._optimiser.param_groups:
            group["lr"] = rate_of(self._parameters, epoch) * group[SHARE]

    def weights_path(self, place: Place) -> Path:
        """Where the adapter, or the whole network, of a place is exported to."""
        rank = self._parameters.lora_rank
        return self._weights / sovits_name(self._parameters.experiment, place.epoch, place.step, rank)

    def export(self, place: Place) -> Path:
        """Writes the adapter, or the whole network, in the official layout, in half precision."""
        path, rank = self.weights_path(place), self._parameters.lora_rank
        info = f"{place.epoch}epoch_{place.step}iteration"
        settings = official_settings(self._parameters, self._items[0].sound.parent.parent)
        if not rank:
            return export_flow_sovits(self._network, path, info=info, config=settings)
        settings["train"]["lora_rank"] = str(rank)
        return export_adapters(self._network, path, rank=rank, info=info, config=settings)


def flow_batch(clips: SovitsBatch, facts: FlowVersion, config: SovitsConfig) -> FlowBatch:
    """A batch with the mel that the flow makes.

    Args:
        clips: the clips, padded.
        facts: what the version's mel is like.
        config: what the clips and their spectrograms are like.
    """
    rate = Fraction(facts.frames_per_feature)
    frames = clips.spectrogram.shape[2]
    missing = -frames % rate.denominator  # so that the mel has a whole number of frames
    mel = clips.wave.new_zeros(len(clips.frames), facts.mel.bands, int((frames + missing) * rate))
    lengths = []
    for row, count in enumerate(clips.frames.tolist()):
        heard = _mel(clips.wave[row, :, : count * config.hop_samples], config.rate_hz, facts.mel)
        length = min(heard.shape[2], int(count * rate))
        mel[row, :, :length] = heard[0, :, :length]
        lengths.append(length)
    padded = SovitsBatch(
        ssl=functional.pad(clips.ssl, (0, missing)),
        spectrogram=functional.pad(clips.spectrogram, (0, missing)),
        frames=clips.frames,
        wave=functional.pad(clips.wave, (0, missing * config.hop_samples)),
        phones=clips.phones,
        phone_lengths=clips.phone_lengths,
    )
    return FlowBatch(clips=padded, mel=mel, mel_lengths=torch.tensor(lengths))


def _mel(wave: Tensor, rate_hz: int, spec: MelSpec) -> Tensor:
    """Normalised log-mel of (1, S) samples: (1, bands, M)."""
    changed = resample(wave[0].numpy(), rate_hz, spec.spectrogram.rate_hz)
    return normalise_mel(log_mel(torch.from_numpy(changed)[None], spec))


def run(parameters: TrainSovitsParameters, context: Context) -> StageResult:
    """Fine-tunes SoVITS of v3 or v4 on the prepared clips of an experiment; as `engine.train.sovits.run`."""
    workspace, facts = Workspace(parameters.workspace), version(parameters.version)
    experiment = workspace.experiment(parameters.experiment)
    start = parameters.pretrained_generator or pretrained(workspace, facts).generator
    if is_adapter(read_checkpoint(start, shapes_only=True)):
        raise BadCheckpoint(
            f"{start} is an adapter; a fine-tuning starts from a whole model.",
            hint=f"Choose the pretrained SoVITS weights of {facts.name}.",
        )
    network = load_flow_sovits(start, version=facts.name)
    found, skipped = sovits_items(experiment, facts, network.config)
    longest_s = EDGES[-1] * network.config.hop_samples / network.config.rate_hz
    items = [item for item in found if item.frames <= EDGES[-1]]
    skipped += [
        Skipped(name=item.name, reason=f"it is longer than {longest_s:g} s")
        for item in found
        if item.frames > EDGES[-1]
    ]
    if not items:
        raise NothingToDo(
            f"Every clip of the experiment {experiment.name!r} is longer than {longest_s:g} s.",
            hint="Slice the recordings into shorter clips.",
        )
    if parameters.lora_rank:
        prepare_adapters(network, parameters.lora_rank, torch.Generator().manual_seed(parameters.seed))
    else:
        prepare_whole(network)
    weights = workspace.sovits_weights(facts)
    course = Course(
        network="SoVITS adapter" if parameters.lora_rank else "SoVITS",
        parameters=parameters,
        start=start,
        make=lambda given: FlowTraining(given, network, items, weights),
        clips=len(items),
        skipped=skipped,
    )
    return carry_out(course, context)
