"""Dropout whose random numbers are cheap on a CPU, where drawing them took a fifth of a GPT's training."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

_LEVELS: Final = 1 << 16
_DRAWS: Final = 4
"""Numbers of 16 bits that one drawn integer gives."""


class _Scaled(torch.autograd.Function):
    """Multiplies by a mask that is drawn here and kept for the way back."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, share: float) -> Tensor:
        """(any shape) with a share of its numbers zero and the others larger by as much."""
        mask = _kept(values, share).to(values.dtype).mul_(1 / (1 - share))
        ctx.save_for_backward(mask)
        return values * mask

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """The gradient of what was kept."""
        (mask,) = ctx.saved_tensors
        return gradient * mask, None


def _kept(values: Tensor, share: float) -> Tensor:
    """True with a probability of `1 - share`, to 1/65536; draws from PyTorch's own generator."""
    drawn = torch.empty(-(-values.numel() // _DRAWS), dtype=torch.int64).random_(-(2**63), None)
    numbers = drawn.view(torch.int16)[: values.numel()].view(values.shape)
    return numbers >= round(share * _LEVELS) - _LEVELS // 2


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
