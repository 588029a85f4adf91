"""What saves a training from too little memory and from figures that are no numbers any more."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, Final

import torch
from torch import Tensor

from engine.protocol.errors import OutOfMemory, TrainingFailed
from engine.train.memory import is_lack_of_memory
from engine.train.plan import Batch
from engine.train.state import Care, Part, Place

MOST_RETURNS: Final = 3
_CLIPS_NAMED: Final = 8


class NotFinite(ArithmeticError):
    """A figure, or a tensor that learns, is no number any more."""


def check_figures(figures: Mapping[str, float]) -> None:
    """Raises NotFinite with the names of figures that are no numbers."""
    if wrong := [name for name, value in figures.items() if not math.isfinite(value)]:
        raise NotFinite(", ".join(wrong))


def check_parts(parts: Mapping[str, Part]) -> None:
    """Raises NotFinite when a tensor of a network is no number any more; such a state must not be kept."""
    for name, part in parts.items():
        for key, value in part.state_dict().items():
            if isinstance(value, Tensor) and value.is_floating_point() and not torch.isfinite(value).all():
                raise NotFinite(f"{name} ({key})")


def in_pieces(step: Sequence[Batch], pieces: int) -> list[Batch]:
    """The batches of a step, each cut into so many parts of about the same size, or into single items."""
    cut: list[Batch] = []
    for batch in step:
        count = min(pieces, len(batch))
        edges = [len(batch) * number // count for number in range(count + 1)]
        cut += [batch[start:end] for start, end in pairwise(edges)]
    return cut


def can_be_smaller(plan: Iterable[Sequence[Batch]], pieces: int) -> bool:
    """Whether cutting further makes any batch smaller."""
    return any(len(batch) > pieces for step in plan for batch in step)


def slow_down(parts: Mapping[str, Part], share: float) -> None:
    """Lowers the rates that the training has just set."""
    if share == 1.0:
        return
    for part in parts.values():
        groups: list[dict[str, Any]] = getattr(part, "param_groups", [])
        for group in groups:
            group["lr"] *= share


@contextmanager
def memory_errors() -> Iterator[None]:
    """Turns a library's words for too little memory into ours.

    Raises:
        OutOfMemory: the block needed more than there is.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_lack_of_memory(error):
            raise
        raise OutOfMemory(
            "There was not enough memory for this training step.",
            hint="Set a smaller batch size, close other programs, or leave out the longest clips; "
            "training goes on from the last saved state.",
            detail=str(error),
        ) from error


def broke_down(
    trouble: str, place: Place, saved_step: int, care: Care, clips: Sequence[str]
) -> TrainingFailed:
    """What is said when a training breaks down again and again at the same place."""
    named = ", ".join(clips[:_CLIPS_NAMED]) + (" ..." if len(clips) > _CLIPS_NAMED else "")
    return TrainingFailed(
        f"Training broke down {care.returns + 1} times at step {place.step + 1} (epoch {place.epoch + 1}), "
        f"at last with {care.rate_share:g} of the learning rate: {trouble} is no number any more. "
        f"Clips of that step: {named}. The last good state is that of step {saved_step}.",
        hint="Listen to these clips and leave broken ones out, or set a lower learning rate.",
        detail=trouble,
    )
