"""The processes that do a training's steps together, as the trainings see them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import torch
import torch.distributed as dist
from torch import Tensor

_BUCKET: Final = 1 << 24
"""Numbers that are added up at once."""


class Peers:
    """The processes that do a step together; this one is alone.

    Attributes:
        rank: Number of this process; 0 runs the loop.
        count: How many there are.
    """

    def __init__(self, rank: int = 0, count: int = 1) -> None:
        self.rank = rank
        self.count = count

    def total(self, values: Sequence[float]) -> list[float]:
        """The sums over all processes."""
        return list(values)

    def add_gradients(self, tensors: Iterable[Tensor]) -> None:
        """Gives every process the sum of the gradients; each calls it at the same place."""


ALONE: Final = Peers()


class Group(Peers):
    """A process among several, in the process group of `torch.distributed`."""

    def total(self, values: Sequence[float]) -> list[float]:
        """The sums over all processes."""
        sums = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(sums)
        found: list[float] = sums.tolist()
        return found

    def add_gradients(self, tensors: Iterable[Tensor]) -> None:
        """Gives every process the sum; a tensor that no process has a gradient of stays without one."""
        learning = [tensor for tensor in tensors if tensor.requires_grad]
        there = torch.tensor([float(tensor.grad is not None) for tensor in learning])
        dist.all_reduce(there)
        gradients = []
        for tensor, found in zip(learning, there.tolist(), strict=True):
            if found and tensor.grad is None:
                tensor.grad = torch.zeros_like(tensor)
            if tensor.grad is not None:
                gradients.append(tensor.grad)
        for bucket in _buckets(gradients):
            flat = torch.cat([gradient.flatten() for gradient in bucket])
            dist.all_reduce(flat)
            parts = torch.split(flat, [gradient.numel() for gradient in bucket])
            for gradient, part in zip(bucket, parts, strict=True):
                gradient.copy_(part.view_as(gradient))


def _buckets(gradients: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    bucket: list[Tensor] = []
    size = 0
    for gradient in gradients:
        bucket.append(gradient)
        size += gradient.numel()
        if size >= _BUCKET:
            yield bucket
            bucket, size = [], 0
    if bucket:
        yield bucket
