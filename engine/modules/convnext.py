"""Convolutional blocks that mix frames and channels of a sequence (ConvNeXt V2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

_KERNEL = 7
_NORM_EPSILON = 1e-6


class ResponseNorm(nn.Module):
    """Makes channels compete: each is scaled by its share of the energy over all frames.

    Source: Woo et al. 2023, ConvNeXt V2, section 3.3.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1, 1, channels))
        self.beta = nn.Parameter(torch.zeros(1, 1, channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) to the same shape."""
        energy = torch.linalg.vector_norm(x, dim=1, keepdim=True)  # (B, 1, C)
        share: Tensor = energy / (energy.mean(dim=2, keepdim=True) + _NORM_EPSILON)
        return x + self.beta + self.gamma * (x * share)


class ConvNextBlock(nn.Module):
    """A depthwise convolution over frames, then two layers over channels, with the residual."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv1d(channels, channels, _KERNEL, padding=_KERNEL // 2, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=_NORM_EPSILON)
        self.pwconv1 = nn.Linear(channels, inner)
        self.grn = ResponseNorm(inner)
        self.pwconv2 = nn.Linear(inner, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) to the same shape."""
        near: Tensor = self.dwconv(x.transpose(1, 2)).transpose(1, 2)
        wide: Tensor = self.grn(F.gelu(self.pwconv1(self.norm(near))))
        step: Tensor = self.pwconv2(wide)
        return x + step
