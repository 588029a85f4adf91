"""Fine-tunes the GPT.

Where the original's behaviour is a slip, it is mended here: the rate is the same from the first step
on, every step gathers the same number of batches, an epoch's last batches are learnt from in that
epoch, padding is neither seen nor learnt from, and preference training rejects what is left out, too.
Each has a parameter whose value `original` gives the slip back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from torch.nn import functional

from engine.checkpoints.manner import manner_entry, read_manner
from engine.models.gpt import DPO_BETA, Gpt, GptLoss, PaddingRules, RejectedSequences, export_gpt, load_gpt
from engine.modules.device import choose_device
from engine.protocol.builtin import pretrained
from engine.protocol.context import Context
from engine.protocol.errors import BadCheckpoint, BadParameters
from engine.protocol.exports import gpt_name
from engine.protocol.results import StageResult
from engine.protocol.stages.training import (
    Accumulation,
    GptSchedule,
    TextPadding,
    TokenPadding,
    TrainGptParameters,
)
from engine.protocol.versions import ModelVersion, version
from engine.protocol.voices import Manner
from engine.protocol.workspace import Workspace
from engine.train.course import Course, carry_out
from engine.train.device import gradient_norm, mixed, mixed_precision
from engine.train.gpt_data import GptBatch, GptItem, gpt_batch, gpt_items, rejected_sequences
from engine.train.peers import ALONE, Peers
from engine.train.plan import (
    Batch,
    batches_by_seconds,
    epoch_generator,
    fingerprint,
    heaviest,
    named,
    repeated,
    repetition,
)
from engine.train.scaled_adam import ScaledAdam, ScaledAdamOptions
from engine.train.state import Part, Place

_SHARE_OF_ITEMS: Final = 4
"""A batch takes at most this fraction of all items, so that an epoch has several."""

_FIRST_RATE: Final = 5.0
"""What the original multiplies the rate by in the very first step: 0.01 instead of 0.002."""

_LAST_RATE: Final = 0.05
"""Share of the rate that a cosine ends at."""


class GptTraining:
    """The data, network and optimiser of one GPT training."""

    def __init__(
        self,
        parameters: TrainGptParameters,
        model: Gpt,
        items: Sequence[GptItem],
        weights: Path,
        manner: Manner | None = None,
    ) -> None:
        self.peers: Peers = ALONE
        self._manner = manner or Manner()
        self._parameters = parameters
        self._items = items
        self._weights = weights
        self._device = choose_device(parameters.device)
        self._mixed = mixed_precision(self._device, parameters.precision)
        self._model = model.to(self._device).train()
        self._eos = model.config.eos_token
        options = ScaledAdamOptions(lr=parameters.learning_rate)
        self._optimiser = ScaledAdam(self._model.parameters(), options)
        self._indices = repeated(len(items), parameters.fewest_items)
        wanted = max(parameters.batch_size // 2, 1) if parameters.dpo else parameters.batch_size
        self._batch_size = max(min(wanted, len(self._indices) // _SHARE_OF_ITEMS), 1)
        self._padding = PaddingRules(
            counted=parameters.token_padding is TokenPadding.ORIGINAL,
            start_hidden=parameters.text_padding is TextPadding.ORIGINAL,
        )

    @property
    def order(self) -> str:
        """Fingerprint of the data and of their order."""
        given = self._parameters
        gathered = () if given.accumulation is Accumulation.EVEN else (given.accumulation.value,)
        settings = (given.seed, self._batch_size, given.accumulate_batches, *repetition(given), *gathered)
        return fingerprint([settings, *((item.name, item.phones, item.tokens) for item in self._items)])

    def parts(self) -> Mapping[str, Part]:
        """Everything with a state."""
        return {"gpt": self._model, "optimiser": self._optimiser}

    def plan(self, epoch: int) -> list[list[Batch]]:
        """Steps of several batches each, whose gradients are added up."""
        chosen, size = self._batches(epoch), self._parameters.accumulate_batches
        if self._parameters.accumulation is Accumulation.EVEN:
            return [chosen[start : start + size] for start in range(0, len(chosen), size)]
        kept = _kept_until(len(chosen), size)
        waiting = self._batches(epoch - 1)[kept:] if epoch else []
        later = [chosen[start : start + size] for start in range(size + 1, kept, size)]
        return [[*waiting, *chosen[: size + 1]], *later]

    def _batches(self, epoch: int) -> list[Batch]:
        seconds = [self._items[index].seconds for index in self._indices]
        batches = batches_by_seconds(seconds, self._batch_size, epoch_generator(self._parameters.seed, epoch))
        return [tuple(self._indices[place] for place in batch) for batch in batches]

    def clips(self, step: Sequence[Batch]) -> list[str]:
        """Names of the clips of a step."""
        return named([item.name for item in self._items], step)

    def heaviest(self, count: int) -> Batch:
        """The clips with the longest sequences."""
        return heaviest([len(item.phones) + len(item.tokens) for item in self._items], count)

    def load(self, step: Sequence[Batch]) -> list[GptBatch]:
        """Reads the batches of a step."""
        count = len(self._items)
        return [gpt_batch([self._items[key % count] for key in batch], self._model.config) for batch in step]

    def step(self, data: list[GptBatch], step: int, check_cancelled: Callable[[], None]) -> dict[str, float]:
        """Adds up the gradients of all batches, then moves once."""
        self._optimiser.zero_grad(set_to_none=True)
        loss = accuracy = preference = 0.0
        clips, each = self._preference_weight(data)
        for batch in data:
            check_cancelled()
            rejected = self._rejected(batch)
            there = batch.to(self._device)
            with mixed(self._device, enabled=self._mixed):
                made = self._model.loss(
                    there.phones,
                    there.phones_len,
                    there.semantic,
                    there.semantic_len,
                    there.bert,
                    rejected,
                    self._padding,
                )
            rows = len(batch.phones_len)
            aside = (made.loss - made.cross_entropy) * (rows * each)  # a mean over clips, not a sum
            (made.cross_entropy + aside).backward()  # type: ignore[no-untyped-call]
            loss += float(made.cross_entropy.detach())
            preference += _preference(made) * rows
            accuracy += float(made.accuracy)
        self.peers.add_gradients(self._model.parameters())
        loss, accuracy, preference, targets, batches = self.peers.total(
            [loss, accuracy, preference, sum(self._targets(batch) for batch in data), len(data)]
        )
        norm = gradient_norm(self._model.parameters())
        rate = self._move(step)
        figures = {
            "loss": loss / targets,
            "accuracy": accuracy / batches,
            "learning_rate": rate,
            "grad_norm": norm,
        }
        return figures | ({"loss_preference": preference / clips} if self._parameters.dpo else {})

    def _preference_weight(self, data: Sequence[GptBatch]) -> tuple[float, float]:
        """Clips of the step of all processes, and what each one's preference counts.

        Every batch of the step counts as one, however it was cut for the processes or for the memory.
        """
        here = sum(len(batch.phones_len) for batch in data)
        clips, size = self.peers.total([here, 0 if self.peers.rank else self._batch_size])
        return clips, math.ceil(clips / size) / clips

    def _rejected(self, batch: GptBatch) -> RejectedSequences | None:
        if not self._parameters.dpo:
            return None
        return rejected_sequences(batch, self._eos, self._device, self._parameters.rejected)

    def _targets(self, batch: GptBatch) -> int:
        """Positions that the loss is summed over."""
        return batch.targets if self._padding.counted else batch.own_targets

    def _move(self, step: int) -> float:
        """Moves the network; gives the rate that it moved at."""
        group = self._optimiser.param_groups[0]
        usual = group["lr"]
        first = step == 0 and self._parameters.schedule is GptSchedule.ORIGINAL
        rate = group["lr"] = usual * _FIRST_RATE if first else usual
        self._optimiser.step()
        group["lr"] = usual
        return float(rate)

    def begin_epoch(self, epoch: int) -> None:
        """The rate is the same in all epochs, or falls along a cosine."""
        share = 1.0
        if self._parameters.schedule is GptSchedule.COSINE:
            share = _falling(epoch, self._parameters.total_epochs)
        for group in self._optimiser.param_groups:
            group["lr"] = self._parameters.learning_rate * share

    def weights_path(self, place: Place) -> Path:
        """Where the weights of a place are exported to."""
        return self._weights / gpt_name(self._parameters.experiment, place.epoch)

    def export(self, place: Place) -> Path:
        """Writes the weights in the official layout, in half precision."""
        return export_gpt(
            self.weights_path(place),
            self._model,
            f"GPT-e{place.epoch}",
            {**_official_settings(self._parameters), **manner_entry(self._manner)},
        )


def _kept_until(batches: int, size: int) -> int:
    """How many of an epoch's batches the original learns from in that epoch; the others wait.

    Raises:
        BadParameters: it would never move.
    """
    steps = (batches - 1) // size
    if not steps:
        raise BadParameters(
            f"As the original gathers batches, this training would never move: an epoch has {batches}, and "
            f"a step takes {size + 1}.",
            hint="Choose even gathering, smaller batches, or fewer batches a step.",
        )
    return steps * size + 1


def _falling(epoch: int, epochs: int) -> float:
    """Share of the rate in an epoch, counted from 0: along a cosine to that of the last one."""
    done = min(epoch / max(epochs - 1, 1), 1.0)
    return _LAST_RATE + (1 - _LAST_RATE) * (0.5 + 0.5 * math.cos(math.pi * done))


def _preference(made: GptLoss) -> float:
    """The preference term alone; the difference of the sums would be too coarse to show it."""
    if made.rejected_log_probability is None:
        return 0.0
    margin = (made.chosen_log_probability - made.rejected_log_probability).detach()
    return float(-functional.logsigmoid(DPO_BETA * margin).mean())


def _official_settings(parameters: TrainGptParameters) -> dict[str, Any]:
    """The parts of an official configuration that tell how the weights were trained."""
    return {
        "train": {
            "seed": parameters.seed,
            "epochs": parameters.total_epochs,
            "batch_size": parameters.batch_size,
            "save_every_n_epoch": parameters.save_every_epochs,
            "precision": "32",
            "gradient_clip": 1.0,
            "exp_name": parameters.experiment,
            "if_dpo": parameters.dpo,
        },
        "optimizer": {
            "lr": parameters.learning_rate,
            "lr_init": parameters.learning_rate,
            "lr_end": parameters.learning_rate,
            "warmup_steps": 0,
            "decay_steps": 1,
        },
        "data": {"max_eval_sample": 8, "max_sec": 54, "num_workers": 0, "pad_val": 1024},
        "inference": {"top_k": 15},
    }


def _require_version(model: Gpt, wanted: ModelVersion, path: Path) -> None:
    if model.config.phoneme_rows != wanted.gpt_phone_rows:
        raise BadCheckpoint(
            f"The GPT weights {path} have a table of {model.config.phoneme_rows} phones; "
            f"{wanted.name} needs one of {wanted.gpt_phone_rows}.",
            hint=f"Choose GPT weights of {wanted.name} to start from.",
        )


def run(parameters: TrainGptParameters, context: Context) -> StageResult:
    """Fine-tunes the GPT on the prepared clips of an experiment.

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
    experiment = workspace.experiment(parameters.experiment)
    start = parameters.pretrained_gpt or pretrained(workspace, facts).gpt
    model = load_gpt(start)
    _require_version(model, facts, start)
    items, skipped = gpt_items(experiment, facts, model.config)
    weights, manner = workspace.gpt_weights(facts), read_manner(start)
    course = Course(
        network="GPT",
        parameters=parameters,
        start=start,
        make=lambda given: GptTraining(given, model, items, weights, manner),
        clips=len(items),
        skipped=skipped,
    )
    return carry_out(course, context)
