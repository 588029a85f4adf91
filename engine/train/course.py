"""A training from its parameters to its result: alone in its folder, with a batch that fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch

from engine.protocol.context import Context
from engine.protocol.results import Skipped, StageResult
from engine.protocol.stages.training import TrainingParameters
from engine.protocol.training_place import states_folder, training_place
from engine.train.distributed import (
    SharedTraining,
    devices_of,
    own_device,
    own_rank,
    process_count,
    serve,
    started_by_torchrun,
)
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
        start: The weights that it starts from.
        make: Makes the training; each call starts with new optimisers on the same networks.
        clips: Clips that are learnt from.
        skipped: Clips that are left out.
    """

    network: str
    parameters: P
    start: Path
    make: Callable[[P], Training[B]]
    clips: int
    skipped: Sequence[Skipped]


def carry_out(course: Course[P, B], context: Context) -> StageResult:
    """Trains, or only tells what training would take.

    Raises:
        AlreadyRunning: the same training runs in another process.
        Cancelled, TrainingFailed, OutOfMemory, OutOfSpace, BadCheckpoint: as `Loop.run`.
    """
    if own_rank():  # the process of rank 0 runs the loop
        given = course.parameters.model_copy(update={"device": own_device(course.parameters.device)})
        serve(course.make(given), given)
        return StageResult(summary=f"Trained the {course.network} with the other processes.")
    folder = states_folder(course.parameters)
    with only_training(folder):
        _tell_beginning(course, context)
        parameters = _with_batch_size(course, context)
        settings = LoopSettings.of(parameters, folder)
        with _shared(course, parameters) as training:
            loop = Loop(training, settings, context)
            if parameters.forecast_only:
                return forecast_result(course.network, parameters.batch_size, loop.forecast(), course.skipped)
            return training_result(course.network, parameters.total_epochs, loop.run(), course.skipped)


def _tell_beginning(course: Course[P, B], context: Context) -> None:
    context.log(f"Training the {course.network} on {course.clips} clips, from {course.start.name}.")
    for one in course.skipped:
        context.log(f"{one.name} is left out: {one.reason}.", "warning")


@contextmanager
def _shared(course: Course[P, B], parameters: P) -> Iterator[Training[Any]]:
    """The training in this process alone, or shared with others; each takes a batch of that size."""
    there = started_by_torchrun()
    devices = devices_of(parameters.gpu_numbers, parameters.device, torch.cuda.device_count())
    if not there and len(devices) == 1:
        yield course.make(parameters)
        return
    count = process_count() if there else len(devices)
    device = own_device(parameters.device) if there else devices[0]
    whole = parameters.model_copy(
        update={"batch_size": parameters.batch_size * count, "device": device, "gpu_numbers": ""}
    )
    training = SharedTraining(course.make(whole), parameters, [] if there else devices, course.clips)
    try:
        yield training
        training.end()
    finally:
        training.close()


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
