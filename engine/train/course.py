"""A training from its parameters to its result: alone in its folder, with a batch that fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from engine.protocol.context import Context
from engine.protocol.results import Skipped, StageResult
from engine.protocol.stages.training import TrainingParameters
from engine.protocol.training_place import states_folder, training_place
from engine.train.lock import only_training
from engine.train.loop import Loop, LoopSettings
from engine.train.report import forecast_result, training_result
from engine.train.training import Training
from engine.train.trial import largest_batch, most_of

B = TypeVar("B")
P = TypeVar("P", bound=TrainingParameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course(Generic[P, B]):
    """All that a training needs.

    Attributes:
        network: Its name for people.
        parameters: What the user asked for.
        make: Makes the training; each call starts with new optimisers on the same networks.
        clips: Clips that are learnt from.
        skipped: Clips that are left out.
    """

    network: str
    parameters: P
    make: Callable[[P], Training[B]]
    clips: int
    skipped: Sequence[Skipped]


def carry_out(course: Course[P, B], context: Context) -> StageResult:
    """Trains, or only tells what training would take.

    Raises:
        AlreadyRunning: the same training runs in another process.
        Cancelled, TrainingFailed, OutOfMemory, OutOfSpace, BadCheckpoint: as `Loop.run`.
    """
    folder = states_folder(course.parameters)
    with only_training(folder):
        parameters = _with_batch_size(course, context)
        settings = LoopSettings.of(parameters, folder)
        loop = Loop(course.make(parameters), settings, context)
        if parameters.forecast_only:
            return forecast_result(course.network, parameters.batch_size, loop.forecast(), course.skipped)
        return training_result(course.network, parameters.total_epochs, loop.run(), course.skipped)


def _with_batch_size(course: Course[P, B], context: Context) -> P:
    """The parameters with a batch size; a training that goes on keeps the one that it found."""
    if course.parameters.batch_size:
        return course.parameters
    place = training_place(states_folder(course.parameters))
    if place is not None and place.batch_size:
        size = place.batch_size
    else:
        trial = course.make(course.parameters.model_copy(update={"batch_size": 1}))
        size = largest_batch(trial, most_of(course.clips), context)
    return course.parameters.model_copy(update={"batch_size": size})
