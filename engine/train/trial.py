"""Finds out by a few steps how many clips fit into the memory at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from torch import Tensor

from engine.protocol.context import Context
from engine.protocol.errors import OutOfMemory
from engine.train.memory import GIB, PeakMemory, free_bytes, release, used_bytes
from engine.train.rescue import memory_errors
from engine.train.state import Part
from engine.train.training import Training

LARGEST_BATCH: Final = 16
"""More at once learns no better from the few clips of a voice: an epoch has too few steps then."""
_SHARE_OF_CLIPS: Final = 4
_SHARE_OF_FREE: Final = 0.8
_LEAST_CLIP_BYTES: Final = 2**20
_LATE_STEP: Final = 10**9
"""Steps from here on have everything take part, also what begins later in a training."""
B = TypeVar("B")


def most_of(clips: int) -> int:
    """The largest batch worth trying: an epoch shall have several."""
    return max(min(LARGEST_BATCH, clips // _SHARE_OF_CLIPS), 1)


def largest_batch(training: Training[B], most: int, context: Context) -> int:
    """The most clips, up to `most`, that can be learnt from at once.

    Steps with the heaviest clips are really done; the networks get their weights back, the
    optimisers do not.

    Raises:
        OutOfMemory: not even one clip fits.
        Cancelled: the user stopped it.
    """
    kept = {name: _copied(part.state_dict()) for name, part in training.parts().items() if _learns(part)}
    try:
        size = _search(lambda count: _peak_bytes(training, count, context), most)
    finally:
        for name, state in kept.items():
            training.parts()[name].load_state_dict(state)
        release()
    context.log(f"Batches of {size} clips fit into the memory ({free_bytes() / GIB:.1f} GB are free).")
    return size


def _search(peak_of: Callable[[int], int], most: int) -> int:
    """The largest size below which memory does not end, by what one and two clips need.

    Args:
        peak_of: does a step of so many clips and gives the most memory in use; may raise OutOfMemory.
        most: size to stop at.
    """
    peak_of(1)  # makes the optimisers' own tensors
    one = peak_of(1)
    if most == 1:
        return 1
    try:
        each = max(peak_of(2) - one, _LEAST_CLIP_BYTES)
    except OutOfMemory:
        return 1
    release()
    room = used_bytes() + _SHARE_OF_FREE * free_bytes() - one
    size = max(min(1 + int(room / each), most), 1)
    while size > 2:
        try:
            peak_of(size)
        except OutOfMemory:
            release()
            size //= 2
        else:
            break
    return size


def _peak_bytes(training: Training[B], count: int, context: Context) -> int:
    context.check_cancelled()
    with PeakMemory() as peak, memory_errors():
        data = training.load([training.heaviest(count)])
        training.step(data, _LATE_STEP + count, context.check_cancelled)
    return peak.peak_bytes


def _learns(part: Part) -> bool:
    """Whether it is a network: optimisers are made anew after a trial."""
    return not hasattr(part, "param_groups")


def _copied(state: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.detach().to("cpu", copy=True) if isinstance(value, Tensor) else value
        for name, value in state.items()
    }
