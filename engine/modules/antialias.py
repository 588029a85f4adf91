"""Activations that are computed at twice the rate, so that the overtones they make do not fold back."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

FILTER_TAPS = 12
_FLOOR = 1e-9


class Snake(nn.Module):
    """A line with a wave on it, whose speed and height are learnt by channel (SnakeBeta).

    Source: Ziyin et al. 2020; Lee et al. 2023, BigVGAN, section 3.2.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) to the same shape."""
        speed, depth = self.alpha.exp()[:, None], self.beta.exp()[:, None]
        return x + (x * speed).sin().square() / (depth + _FLOOR)


class _Filter(nn.Module):
    """Holds a low-pass filter's taps."""

    filter: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filter", torch.full((1, 1, FILTER_TAPS), 1 / FILTER_TAPS))


class _DoubleRate(_Filter):
    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) to (B, C, 2T)."""
        reach = FILTER_TAPS // 2 - 1
        taps = self.filter.expand(x.shape[1], -1, -1)
        padded = F.pad(x, (reach, reach), mode="replicate")
        doubled = F.conv_transpose1d(padded, taps, stride=2, groups=x.shape[1])
        beyond = FILTER_TAPS + reach - 2
        return 2 * doubled[..., beyond:-beyond]


class _HalfRate(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lowpass = _Filter()

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, 2T) to (B, C, T)."""
        reach = FILTER_TAPS // 2
        taps = self.lowpass.filter.expand(x.shape[1], -1, -1)
        return F.conv1d(F.pad(x, (reach - 1, reach), mode="replicate"), taps, stride=2, groups=x.shape[1])


class CleanSnake(nn.Module):
    """A snake between a doubling and a halving of the rate."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.act = Snake(channels)
        self.upsample = _DoubleRate()
        self.downsample = _HalfRate()

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) to the same shape."""
        bent: Tensor = self.downsample(self.act(self.upsample(x)))
        return bent
