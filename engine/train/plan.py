"""Which items make up which step: fixed by seed and epoch, so that a training can go on anywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from engine.protocol.stages.training import TrainingParameters

FRAME_EDGES: Final = (32, *range(300, 2000, 100))

Batch = tuple[int, ...]
"""Indices of the items of one batch."""


def repeated(count: int, fewest: int) -> list[int]:
    """Indices of all items; a set of fewer than `fewest` comes several times in an epoch."""
    times = max(2, fewest // count) if 0 < count < fewest else 1
    return list(range(count)) * times


def repetition(parameters: TrainingParameters) -> tuple[int, ...]:
    """What the repetition adds to the fingerprint of an order; nothing where it is the original's."""
    usual = TrainingParameters.model_fields["fewest_items"].default
    return () if parameters.fewest_items == usual else (parameters.fewest_items,)


def batches_by_seconds(
    seconds: Sequence[float], batch_size: int, generator: np.random.Generator, *, width_s: float = 2.0
) -> list[Batch]:
    """Batches of items of about the same length.

    Args:
        seconds: length of every item.
        batch_size: items in a batch; the last one may have fewer.
        generator: source of the order.
        width_s: items within so many seconds of the shortest are shuffled among each other.

    Returns:
        Every item once, in shuffled batches.
    """
    by_length = sorted(range(len(seconds)), key=lambda index: seconds[index])
    order: list[int] = []
    bucket: list[int] = []
    for index in by_length:
        if bucket and seconds[index] - seconds[bucket[0]] >= width_s:
            order += _shuffled(bucket, generator)
            bucket = []
        bucket.append(index)
    order += _shuffled(bucket, generator)
    cut = [tuple(order[start : start + batch_size]) for start in range(0, len(order), batch_size)]
    return [cut[index] for index in generator.permutation(len(cut))]


def batches_by_frames(
    frames: Sequence[int], batch_size: int, generator: np.random.Generator, edges: Sequence[int] = FRAME_EDGES
) -> list[Batch]:
    """Full batches of items from one range of lengths; some items come twice to fill a range's last batch.

    Args:
        frames: length of every item; items outside (first edge, last edge] are left out.
        batch_size: items in every batch.
        generator: source of the order.
        edges: ranges (lower, upper].

    Returns:
        Shuffled batches.
    """
    made: list[Batch] = []
    for lower, upper in pairwise(edges):
        bucket = [index for index, length in enumerate(frames) if lower < length <= upper]
        if not bucket:
            continue
        order = _shuffled(bucket, generator)
        missing = -len(order) % batch_size
        order += (order * (missing // len(order) + 1))[:missing]
        made += [tuple(order[start : start + batch_size]) for start in range(0, len(order), batch_size)]
    return [made[index] for index in generator.permutation(len(made))]


def heaviest(sizes: Sequence[float], count: int) -> Batch:
    """The `count` largest items; fewer items come several times."""
    by_size = sorted(range(len(sizes)), key=lambda index: sizes[index], reverse=True)
    return tuple((by_size * (count // len(by_size) + 1))[:count])


def named(names: Sequence[str], step: Sequence[Batch]) -> list[str]:
    """Names of the items of a step, each once."""
    return list(dict.fromkeys(names[index] for batch in step for index in batch))


def numbered(step: Sequence[Batch], count: int) -> list[Batch]:
    """The batches of a step with another number for every copy of an item: `index + copy * count`.

    What is drawn for a clip follows from that number, wherever the clip is learnt from. Numbers that
    are already different stay.
    """
    copies: dict[int, int] = {}
    made: list[Batch] = []
    for batch in step:
        numbers = []
        for index in batch:
            copy = copies.get(index, 0)
            copies[index] = copy + 1
            numbers.append(index + copy * count)
        made.append(tuple(numbers))
    return made


def epoch_generator(seed: int, epoch: int) -> np.random.Generator:
    """The source of an epoch's order."""
    return np.random.default_rng([seed, epoch])


def fingerprint(parts: Iterable[object]) -> str:
    """A short name for data and settings that fix an order."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(repr(part).encode("utf-8"))
        digest.update(b"\0")
    return digest.hexdigest()[:16]


def _shuffled(items: list[int], generator: np.random.Generator) -> list[int]:
    return [items[index] for index in generator.permutation(len(items))]
