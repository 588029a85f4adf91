"""The loop of every training: steps, saved states, exports, and a stop at any moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, Generic, TypeVar

from engine.protocol.context import Context
from engine.protocol.errors import Cancelled, OutOfMemory, TrainingFailed
from engine.protocol.stages.training import TrainingParameters
from engine.protocol.training_place import TrainingPlace, write_place
from engine.train.curve import CurveContext
from engine.train.forecast import Forecast, Measure
from engine.train.memory import release
from engine.train.plan import Batch
from engine.train.reading import Reader, Unreadable
from engine.train.rescue import (
    MOST_RETURNS,
    NotFinite,
    broke_down,
    can_be_smaller,
    check_figures,
    check_parts,
    in_pieces,
    memory_errors,
    slow_down,
)
from engine.train.state import (
    Care,
    Figures,
    Place,
    StateStore,
    TrainingState,
    load_parts,
    part_states,
    randomness,
    restore_randomness,
    seed_everything,
)
from engine.train.training import Outcome, Training

LOSS: Final = "loss"
B = TypeVar("B")


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
        batch_size: Clips of a batch, for those who ask where the training stands; 0 where unknown.
    """

    folder: Path
    total_epochs: int
    save_every_epochs: int
    state_every_steps: int
    keep_only_latest: bool
    seed: int
    batch_size: int = 0

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
            batch_size=parameters.batch_size,
        )


class _Unwell(Exception):
    """A step that did not succeed, and may after a remedy."""

    def __init__(self, step: Sequence[Batch], reason: OutOfMemory | NotFinite) -> None:
        super().__init__(str(reason))
        self.step = step
        self.reason = reason


class Loop(Generic[B]):
    """One run of a training, from the newest saved state or from the beginning."""

    def __init__(self, training: Training[B], settings: LoopSettings, context: Context) -> None:
        self._training = training
        self._settings = settings
        self._context: Context = CurveContext(context, settings.folder)
        self._reader = Reader(training)
        self._store = StateStore(settings.folder, context.log)
        self._place = Place()
        self._care = Care()
        self._saved_step = -1
        self._figures = Figures()
        self._weights: list[Path] = []
        self._losses: list[float] = []

    def run(self) -> Outcome:
        """Trains until the last epoch.

        Raises:
            Cancelled: the user stopped it; the state is saved.
            TrainingFailed: a loss or gradient is no number any more, again and again.
            OutOfMemory: the memory was not enough, not even for one clip at a time.
            OutOfSpace: a state or export cannot be written; earlier ones are untouched.
            BadCheckpoint: the saved states belong to other networks.
            MissingFile, BadLabels: none of the clips of a step can be read any more; the state is saved.
        """
        self._begin()
        first_step = self._place.step
        if self._place.epoch >= self._settings.total_epochs:
            self._export_if_missing()
            return self._outcome(first_step)
        with Measure(self._place.step, self._total_steps(), self._context) as measure:
            while self._place.epoch < self._settings.total_epochs:
                if remedy := self._train_epoch(self._place.epoch, measure):
                    remedy()
        return self._outcome(first_step)

    def forecast(self) -> Forecast:
        """What the rest of the training will take, from its heaviest steps; nothing is kept.

        Raises:
            Cancelled: the user stopped it.
            OutOfMemory: a step does not fit.
            BadCheckpoint: the saved states belong to other networks.
        """
        state = self._store.load()
        if state is not None:
            load_parts(self._training.parts(), state.parts, self._settings.folder)
            self._place, self._care = state.place, state.care
        total = self._total_steps() if self._place.epoch < self._settings.total_epochs else self._place.step
        plan = self._training.plan(0)
        batch = max((len(batch) for step in plan for batch in step), default=1)
        heavy = [self._training.heaviest(batch)] * max((len(step) for step in plan), default=1)
        with Measure(self._place.step, total, self._context) as measure:
            for step in (heavy, *plan[:2]):
                self._context.check_cancelled()
                with memory_errors():
                    pieces = in_pieces(step, self._care.pieces)
                    data = self._training.load(pieces)
                    self._training.step(data, self._place.step, self._context.check_cancelled)
                measure.add(step, self._place.step)
            return measure.forecast()

    def _begin(self) -> None:
        state = self._store.load()
        if state is None or (state.place.step == 0 and state.care == Care()):
            seed_everything(self._settings.seed)
            self._save(epoch_end=False)  # to go back to; and a full disk shows before an hour of work
            return
        self._take_over(state)
        self._care = replace(state.care, returns=0)
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
        if self._care.rate_share < 1:
            self._context.log(
                f"It goes on with {self._care.rate_share:g} of the learning rate, "
                "since it broke down with more.",
                "warning",
            )

    def _take_over(self, state: TrainingState) -> None:
        load_parts(self._training.parts(), state.parts, self._settings.folder)
        restore_randomness(state.randomness)
        self._place, self._figures = state.place, state.figures
        self._saved_step = state.place.step

    def _total_steps(self) -> int:
        """Steps of the whole training: those done, and those that the plans still hold."""
        left = sum(
            len(self._training.plan(epoch)) for epoch in range(self._place.epoch, self._settings.total_epochs)
        )
        return self._place.step - self._place.position + left

    def _train_epoch(self, epoch: int, measure: Measure) -> Callable[[], None] | None:
        """Trains from the current place to the epoch's end; what helps, where it did not come that far."""
        plan = self._training.plan(epoch)
        self._training.begin_epoch(epoch)
        slow_down(self._training.parts(), self._care.rate_share)
        steps = [in_pieces(step, self._care.pieces) for step in plan[self._place.position :]]
        try:
            with self._reader.ahead(steps) as loaded:
                for step, data in zip(steps, loaded, strict=True):
                    self._tell_lost()
                    self._one_step(step, data, measure)
                    if self._place.position == len(plan):
                        self._check_weights(step)
                    elif self._place.step % self._settings.state_every_steps == 0:
                        self._check_weights(step)
                        self._save(epoch_end=False)
        except _Unwell as error:
            return self._remedy(error, plan)
        except Unreadable as error:
            self._save_on_stop()
            raise error.reason from error
        self._end_epoch(epoch)
        return None

    def _remedy(self, unwell: _Unwell, plan: Sequence[Sequence[Batch]]) -> Callable[[], None]:
        """What may help; it holds words only, since the error keeps the tensors of its step alive."""
        reason, failed = unwell.reason, unwell.step
        if isinstance(reason, NotFinite):
            return partial(self._go_back, failed, str(reason))
        if not (can_be_smaller([failed], 1) and can_be_smaller(plan, self._care.pieces)):
            raise reason
        return partial(self._halve, reason.detail)

    def _one_step(self, step: Sequence[Batch], data: B, measure: Measure) -> None:
        before = randomness()
        began_s = time.monotonic()
        try:
            self._context.check_cancelled()
            with memory_errors():
                figures = self._training.step(data, self._place.step, self._context.check_cancelled)
            check_figures(figures)
        except Cancelled:
            restore_randomness(before)
            self._save_on_stop()
            raise
        except (OutOfMemory, NotFinite) as error:
            restore_randomness(before)
            raise _Unwell(step, error) from error
        self._place = replace(self._place, position=self._place.position + 1, step=self._place.step + 1)
        self._figures.add(figures[LOSS])
        measured = measure.add(step, self._place.step)
        self._context.metric(
            {
                **figures,
                "epoch": self._place.epoch + 1,
                "seconds_per_step": time.monotonic() - began_s,
                **measured,
            },
            self._place.step,
        )
        self._context.progress(self._place.step, measure.total_steps, "steps")

    def _save_on_stop(self) -> None:
        try:
            check_parts(self._training.parts())
        except NotFinite as error:
            self._context.log(
                f"Stopped. {error} is no number any more: the state of step {self._saved_step} stays.",
                "warning",
            )
            return
        if self._place.step != self._saved_step:
            self._save(epoch_end=False)
        self._context.log(f"Stopped after step {self._place.step}; the state is saved.")

    def _halve(self, detail: str) -> None:
        release()
        self._care = self._care.smaller()
        self._context.log(
            f"There was not enough memory for step {self._place.step + 1}: from now on every batch is learnt "
            f"from in {self._care.pieces} parts. The step stays the same and takes a little longer. "
            f"({detail.splitlines()[0] if detail else 'no details'})",
            "warning",
        )

    def _go_back(self, step: Sequence[Batch], trouble: str) -> None:
        """Takes the last good state up again, with half the rate.

        Raises:
            TrainingFailed: that did not help several times.
        """
        if self._care.returns >= MOST_RETURNS:
            clips = self._training.clips(step)
            raise broke_down(trouble, self._place, self._saved_step, self._care, clips)
        state = self._store.load()
        if state is None:
            raise TrainingFailed(
                f"Training broke down at step {self._place.step + 1}: {trouble} is no number any more, and "
                f"no state in {self._settings.folder} can be read.",
                hint="Start again with a lower learning rate.",
            )
        failed_step = self._place.step + 1
        self._take_over(state)
        self._care = self._care.slower()
        self._context.log(
            f"Step {failed_step} broke down: {trouble} is no number any more. Training goes back to the "
            f"state of step {self._place.step} and on with {self._care.rate_share:g} of the learning rate.",
            "warning",
        )
        self._save(epoch_end=self._place.position == 0 and self._place.epoch > 0)

    def _tell_lost(self) -> None:
        for clip in self._reader.news():
            self._context.log(f"{clip.name} is left out from now on: {clip.reason}", "warning")

    def _check_weights(self, step: Sequence[Batch]) -> None:
        """Looks at all that learns, before it is kept."""
        try:
            check_parts(self._training.parts())
        except NotFinite as error:
            raise _Unwell(step, error) from error

    def _end_epoch(self, epoch: int) -> None:
        self._losses.append(self._figures.close_epoch(epoch + 1))
        self._care = self._care.settled()
        self._place = replace(self._place, epoch=epoch + 1, position=0)
        self._context.log(f"Epoch {epoch + 1} of {self._settings.total_epochs}: loss {self._losses[-1]:.4g}")
        last = epoch + 1 == self._settings.total_epochs
        if last or (epoch + 1) % self._settings.save_every_epochs == 0:
            self._export()
        self._save(epoch_end=True)

    def _export(self) -> None:
        with memory_errors():
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
            care=self._care,
        )
        self._store.save(state, epoch_end=epoch_end, keep_only_latest=self._settings.keep_only_latest)
        self._saved_step = self._place.step
        write_place(
            self._settings.folder,
            TrainingPlace(
                epoch=self._place.epoch,
                position=self._place.position,
                step=self._place.step,
                total_epochs=self._settings.total_epochs,
                batch_size=self._settings.batch_size,
                rate_share=self._care.rate_share,
                weights=str(self._weights[-1].resolve()) if self._weights else "",
            ),
        )

    def _outcome(self, first_step: int) -> Outcome:
        return Outcome(
            place=self._place,
            weights=tuple(self._weights),
            figures=self._figures,
            steps_now=self._place.step - first_step,
            losses=tuple(self._losses),
            lost=tuple(self._reader.lost),
        )
