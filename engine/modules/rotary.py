"""Positions as rotations of queries and keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

_BASE = 10000.0


class RotaryPositions(nn.Module):
    """Angles by position.

    The speeds are a buffer, because official files store them in half precision and their
    weights were trained with the rounded ones: at late frames exact speeds would be another phase.
    For the same reason they stay in float32 when the network is turned to half precision.
    """

    inv_freq: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("inv_freq", _BASE ** (-torch.arange(0, channels, 2) / channels))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        before = self.inv_freq
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.inv_freq = before.to(self.inv_freq.device)
        return self

    def forward(self, steps: int) -> tuple[Tensor, Tensor]:
        """Cosines and sines for positions 0 to steps - 1, (T, channels / 2) each, float32."""
        angles = torch.arange(steps, device=self.inv_freq.device)[:, None] * self.inv_freq
        return angles.cos(), angles.sin()


def rotate_first(x: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
    """Turns neighbouring pairs of the first channels; the channels after them stay.

    Args:
        x: (B, T, C).
        turns: cosines and sines from `RotaryPositions`, (T, P) each, 2P <= C.

    Returns:
        (B, T, C).
    """
    cosine, sine = (part.to(x.dtype) for part in turns)
    count = 2 * cosine.shape[1]
    even, odd = x[..., 0:count:2], x[..., 1:count:2]
    turned = torch.stack((even * cosine - odd * sine, odd * cosine + even * sine), dim=-1)
    return torch.cat((turned.flatten(2), x[..., count:]), dim=2)
