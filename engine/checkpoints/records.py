"""Tensors as a weight file declares them: where their numbers lie, without the numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

VALUE_BYTES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "float64": 8,
        "float32": 4,
        "float16": 2,
        "bfloat16": 2,
        "int64": 8,
        "int32": 4,
        "int16": 2,
        "int8": 1,
        "uint8": 1,
        "bool": 1,
    }
)
"""Bytes of one value of each type that weight files hold, by the type's name in PyTorch."""

_MAX_AXES: Final = 8


@dataclass(frozen=True, slots=True)
class Storage:
    """A run of numbers in a file.

    Attributes:
        key: Its name in the file.
        dtype: Type of its values; one of VALUE_BYTES.
        count: How many values it is declared to hold.
    """

    key: str
    dtype: str
    count: int

    @property
    def size_bytes(self) -> int:
        """Bytes that the values take."""
        return self.count * VALUE_BYTES[self.dtype]


@dataclass(frozen=True, slots=True)
class TensorRecord:
    """A tensor as declared.

    Attributes:
        storage: Where its numbers are.
        offset: Number of the first one there.
        shape: Sizes of its axes.
        stride: Distance in the storage between neighbours along each axis.
    """

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many values the shape has."""
        return math.prod(self.shape)

    def fault(self) -> str:
        """What is wrong with the declaration; empty when the storage holds what it says."""
        if len(self.shape) != len(self.stride) or len(self.shape) > _MAX_AXES:
            return f"has {len(self.shape)} axes and {len(self.stride)} strides"
        if min((self.offset, *self.shape, *self.stride)) < 0:
            return "has a negative size"
        if not self.count:
            return ""
        reach = (
            self.offset
            + 1
            + sum((size - 1) * step for size, step in zip(self.shape, self.stride, strict=True))
        )
        if max(reach, self.count) > self.storage.count:
            shape = " x ".join(str(size) for size in self.shape) or "one value"
            return f"is declared as {shape}, which does not fit the {self.storage.count} values stored for it"
        return ""


def row_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Strides of a tensor whose rows follow one another."""
    steps = [1]
    for size in reversed(shape[1:]):
        steps.append(steps[-1] * max(1, size))
    return tuple(reversed(steps[: len(shape)]))
