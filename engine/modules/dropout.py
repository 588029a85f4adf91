"""Dropout whose random numbers are cheap on a CPU, where drawing them took a fifth of a GPT's training."""

from __future__ import annotations

import math
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

_LEVELS: Final = 1 << 8
_DRAWS: Final = 8
"""Numbers of 8 bits that one drawn integer gives."""


class _Scaled(torch.autograd.Function):
    """Multiplies by a mask that is drawn here and kept for the way back."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, share: float) -> Tensor:
        """(any shape) with a share of its numbers zero and the others larger by as much."""
        mask = kept(values, share).mul_(1 / (1 - share))
        ctx.save_for_backward(mask)
        return values * mask

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """The gradient of what was kept."""
        (mask,) = ctx.saved_tensors
        return gradient * mask, None


def kept(values: Tensor, share: float) -> Tensor:
    """Ones and, with a probability of `share`, zeros, shaped like the values and of their type.

    Draws from PyTorch's own generator. A number of 8 bits can be compared with multiples of 1/256 only:
    chance chooses one of the two around the share, so that every single value has the very probability.
    """
    drawn = torch.empty(-(-values.numel() // _DRAWS), dtype=torch.int64).random_(-(2**63), None)
    numbers = drawn.view(torch.int8)[: values.numel()].view(values.shape)
    below = min(math.floor(share * _LEVELS + float(torch.rand(()))), _LEVELS - 1)
    stay = numbers >= below - _LEVELS // 2
    return stay.view(torch.int8).to(values.dtype)  # from integers in half the time of booleans


def dropout(values: Tensor, share: float, *, training: bool) -> Tensor:
    """Some numbers are set to zero while a network learns, the others made larger by as much.

    Args:
        values: any shape.
        share: probability of zero, in [0, 1).
        training: whether the network learns; otherwise the values stay.
    """
    if not training or not share:
        return values
    if values.device.type != "cpu":
        return functional.dropout(values, share)
    made: Tensor = _Scaled.apply(values, share)  # type: ignore[no-untyped-call]
    return made


class Dropout(nn.Module):
    """`dropout` as a layer."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, values: Tensor) -> Tensor:
        """(any shape) to the same shape."""
        return dropout(values, self.share, training=self.training)
