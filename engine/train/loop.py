"""The loop of every training: steps, saved states, exports, and a stop at any moment."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

import torch

from engine.protocol.context import Context
from engine.protocol.errors import Cancelled, OutOfMemory, TrainingFailed
from engine.protocol.stages.training import TrainingParameters
from engine.train.plan import Batch
from engine.train.state import (
    Figures,
    Part,
    Place,
    StateStore,
    TrainingState,
    load_parts,
    part_states,
    randomness,
    restore_randomness,
    seed_everything,
)

LOSS: Final = "loss"
B = TypeVar("B")


class Training(Protocol[B]):
    """What the loop drives: data, networks and optimisers of one training.

    `B` is the type of a step's data in memory.
    """

    @property
    def order(self) -> str:
        """Fingerprint of the data and of everything else that fixes their order."""

    def parts(self) -> Mapping[str, Part]:
        """Everything with a state, by name."""

    def plan(self, epoch: int) -> Sequence[Sequence[Batch]]:
        """The steps of an epoch, counted from 0; a step may take several batches. Same each time."""

    def load(self, step: Sequence[Batch]) -> B:
        """Reads a step's data; runs in a thread beside the step before, and draws no random numbers."""

    def step(self, data: B, step: int, check_cancelled: Callable[[], None]) -> dict[str, float]:
        """Learns from a step's data.

        `check_cancelled` may be called as long as nothing has changed but gradients. The figures
        hold the key `loss`, and nothing that is not finite unless training has gone wrong.
        """

    def begin_epoch(self, epoch: int) -> None:
        """Sets the rates of an epoch, counted from 0; also called when one goes on in its middle.

        The rates follow from the parameters, not from the saved state: a lower one takes effect
        when a training that broke down is started again.
        """

    def weights_path(self, place: Place) -> Path:
        """Where the weights of a place are exported to."""

    def export(self, place: Place) -> Path:
        """Writes the weights, in the official layout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSettings:
    """How long to train and what to keep.

    Attributes:
        folder: Where the states lie.
        total_epochs: Epochs in all.
        save_every_epochs: Weights are exported after so many epochs, and after the last.
        state_every_steps: The state is saved after so many steps, and at each epoch's end.
        keep_only_latest: Whether states of earlier epochs go.
        seed: Start of the random numbers of a new training.
    """

    folder: Path
    total_epochs: int
    save_every_epochs: int
    state_every_steps: int
    keep_only_latest: bool
    seed: int

    @classmethod
    def of(cls, parameters: TrainingParameters, folder: Path) -> LoopSettings:
        """The settings that a stage's parameters ask for."""
        return cls(
            folder=folder,
            total_epochs=parameters.total_epochs,
            save_every_epochs=parameters.save_every_epochs,
            state_every_steps=parameters.state_every_steps,
            keep_only_latest=parameters.keep_only_latest,
            seed=parameters.seed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a training came to.

    Attributes:
        place: Where it stands now.
        weights: Exported files, oldest first.
        figures: The figures kept.
        steps_now: Steps done in this run; 0 when there was nothing to do.
        losses: Mean loss of each epoch that this run completed.
    """

    place: Place
    weights: tuple[Path, ...]
    figures: Figures
    steps_now: int
    losses: tuple[float, ...]


class Loop(Generic[B]):
    """One run of a training, from the newest saved state or from the beginning."""

    def __init__(self, training: Training[B], settings: LoopSettings, context: Context) -> None:
        self._training = training
        self._settings = settings
        self._context = context
        self._store = StateStore(settings.folder, context.log)
        self._place = Place()
        self._saved_step = -1
        self._figures = Figures()
        self._weights: list[Path] = []
        self._losses: list[float] = []

    def run(self) -> Outcome:
        """Trains until the last epoch.

        Raises:
            Cancelled: the user stopped it; the state is saved.
            TrainingFailed: a loss or gradient is no number any more.
            OutOfMemory: the device's or the machine's memory was not enough.
            OutOfSpace: a state or export cannot be written; earlier ones are untouched.
            BadCheckpoint: the saved states belong to other networks.
        """
        self._begin()
        first_step = self._place.step
        if self._place.epoch >= self._settings.total_epochs:
            self._export_if_missing()
            return self._outcome(first_step)
        total = self._total_steps()
        started_s = time.monotonic()
        for epoch in range(self._place.epoch, self._settings.total_epochs):
            plan = self._training.plan(epoch)
            self._training.begin_epoch(epoch)
            with _ahead(self._training.load, plan[self._place.position :]) as loaded:
                for data in loaded:
                    self._one_step(data, total, started_s, first_step)
                    if self._place.position < len(plan) and self._state_is_due():
                        self._save(epoch_end=False)
            self._end_epoch(epoch)
        return self._outcome(first_step)

    def _begin(self) -> None:
        state = self._store.load()
        if state is None:
            seed_everything(self._settings.seed)
            return
        load_parts(self._training.parts(), state.parts, self._settings.folder)
        restore_randomness(state.randomness)
        self._place, self._figures = state.place, state.figures
        self._saved_step = state.place.step
        if state.place.position and state.order != self._training.order:
            self._context.log(
                "The data or the batch size changed since training stopped: "
                f"epoch {state.place.epoch + 1} starts anew with the weights reached so far.",
                "warning",
            )
            self._place = replace(state.place, position=0)
            self._figures.epoch_loss, self._figures.epoch_steps = 0.0, 0
        if self._place.epoch < self._settings.total_epochs:
            self._context.log(
                f"Training goes on at step {self._place.step + 1}, in epoch {self._place.epoch + 1}."
            )

    def _total_steps(self) -> int:
        """Steps of the whole training: those done, and those that the plans still hold."""
        left = sum(
            len(self._training.plan(epoch)) for epoch in range(self._place.epoch, self._settings.total_epochs)
        )
        return self._place.step - self._place.position + left

    def _one_step(self, data: B, total: int, started_s: float, first_step: int) -> None:
        before = randomness()
        began_s = time.monotonic()
        try:
            self._context.check_cancelled()
            with _memory_errors(), _whole_numbers(self._place, self._saved_step):
                figures = self._training.step(data, self._place.step, self._context.check_cancelled)
                _check_finite(figures)
        except Cancelled:
            restore_randomness(before)
            if self._place.step != self._saved_step:
                self._save(epoch_end=False)
            self._context.log(f"Stopped after step {self._place.step}; the state is saved.")
            raise
        self._place = replace(self._place, position=self._place.position + 1, step=self._place.step + 1)
        self._figures.add(figures[LOSS])
        now_s = time.monotonic()
        pace_s = (now_s - started_s) / (self._place.step - first_step)
        self._context.metric(
            {
                **figures,
                "epoch": self._place.epoch + 1,
                "seconds_per_step": now_s - began_s,
                "eta_s": pace_s * max(total - self._place.step, 0),
            },
            self._place.step,
        )
        self._context.progress(self._place.step, total, "steps")

    def _state_is_due(self) -> bool:
        return self._place.step % self._settings.state_every_steps == 0

    def _end_epoch(self, epoch: int) -> None:
        self._losses.append(self._figures.close_epoch(epoch + 1))
        self._place = replace(self._place, epoch=epoch + 1, position=0)
        self._context.log(f"Epoch {epoch + 1} of {self._settings.total_epochs}: loss {self._losses[-1]:.4g}")
        last = epoch + 1 == self._settings.total_epochs
        if last or (epoch + 1) % self._settings.save_every_epochs == 0:
            self._export()
        self._save(epoch_end=True)

    def _export(self) -> None:
        with _memory_errors():
            path = self._training.export(self._place)
        self._weights.append(path)
        self._context.artifact(path, "weights")

    def _export_if_missing(self) -> None:
        path = self._training.weights_path(self._place)
        if path.is_file():
            self._weights.append(path)
        else:
            self._export()

    def _save(self, *, epoch_end: bool) -> None:
        state = TrainingState(
            place=self._place,
            order=self._training.order,
            figures=self._figures,
            parts=dict(part_states(self._training.parts())),
            randomness=randomness(),
        )
        self._store.save(state, epoch_end=epoch_end, keep_only_latest=self._settings.keep_only_latest)
        self._saved_step = self._place.step

    def _outcome(self, first_step: int) -> Outcome:
        return Outcome(
            place=self._place,
            weights=tuple(self._weights),
            figures=self._figures,
            steps_now=self._place.step - first_step,
            losses=tuple(self._losses),
        )


@contextmanager
def _ahead(load: Callable[[Sequence[Batch]], B], plan: Sequence[Sequence[Batch]]) -> Iterator[Iterator[B]]:
    """The data of every step, the next one read in a thread while the last one is learnt from."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="training-data") as pool:

        def loaded() -> Iterator[B]:
            waiting = pool.submit(load, plan[0]) if plan else None
            for following in [*plan[1:], None]:
                if waiting is None:
                    return
                with _memory_errors():
                    data = waiting.result()
                waiting = pool.submit(load, following) if following is not None else None
                yield data

        yield loaded()


@contextmanager
def _memory_errors() -> Iterator[None]:
    """Turns a library's words for too little memory into ours."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _out_of_memory(error) from error
    except RuntimeError as error:
        if "can't allocate memory" in str(error) or "not enough memory" in str(error):
            raise _out_of_memory(error) from error
        raise


def _out_of_memory(error: BaseException) -> OutOfMemory:
    return OutOfMemory(
        "There was not enough memory for this training step.",
        hint="Set a smaller batch size, close other programs, or leave out the longest clips; "
        "training goes on from the last saved state.",
        detail=str(error),
    )


class _NotFinite(ArithmeticError):
    """A figure is no number any more."""


def _check_finite(figures: Mapping[str, float]) -> None:
    wrong = [name for name, value in figures.items() if not math.isfinite(value)]
    if wrong:
        raise _NotFinite(", ".join(wrong))


@contextmanager
def _whole_numbers(place: Place, saved_step: int) -> Iterator[None]:
    try:
        yield
    except _NotFinite as error:
        last = f"The last good state is that of step {saved_step}." if saved_step >= 0 else ""
        raise TrainingFailed(
            f"Training broke down at step {place.step + 1} (epoch {place.epoch + 1}): "
            f"{error} is no number any more. {last}".rstrip(),
            hint="Set a lower learning rate, or look for broken clips among the data; then start again.",
            detail=str(error),
        ) from error
