"""Residual blocks whose inner convolution works on splits of the channels, one after the other."""

from __future__ import annotations

import torch
from torch import Tensor, nn

SPLITS = 4
"""Into how many parts the inner channels are split."""
EXPANSION = 4
"""A block gives this many times its planes."""

_CEILING = 20.0
_REDUCTION = 4
_BASE_WIDTH = 24
_BASE_PLANES = 64


class AttentiveFusion(nn.Module):
    """Mixes two maps of the same shape by weights that it reads off both."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = channels // _REDUCTION
        self.local_att = nn.Sequential(
            nn.Conv2d(2 * channels, inner, 1),
            nn.BatchNorm2d(inner),
            nn.SiLU(),
            nn.Conv2d(inner, channels, 1),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """(B, C, H, W) of two such maps."""
        leaning = self.local_att(torch.cat((x, y), dim=1)).tanh()
        mixed: Tensor = x * (1 + leaning) + y * (1 - leaning)
        return mixed


class SplitResidualBlock(nn.Module):
    """Every split hears what the split before it gave, by addition or by attentive fusion."""

    def __init__(self, channels: int, planes: int, *, stride: int, fusion: bool) -> None:
        """Builds a block with random weights.

        Args:
            channels: channels of the input.
            planes: the block gives four times as many channels.
            stride: step of the block in height and width.
            fusion: whether splits are fused attentively instead of added.
        """
        super().__init__()
        width = planes * _BASE_WIDTH // _BASE_PLANES
        self.conv1 = nn.Conv2d(channels, SPLITS * width, 1, stride=stride, bias=False)
        self.bn1 = nn.BatchNorm2d(SPLITS * width)
        self.convs = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(SPLITS))
        self.bns = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(SPLITS))
        self.fuse_models = (
            nn.ModuleList(AttentiveFusion(width) for _ in range(SPLITS - 1)) if fusion else None
        )
        self.conv3 = nn.Conv2d(SPLITS * width, EXPANSION * planes, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(EXPANSION * planes)
        self.shortcut = nn.Sequential()
        if stride != 1 or channels != EXPANSION * planes:
            self.shortcut.append(nn.Conv2d(channels, EXPANSION * planes, 1, stride=stride, bias=False))
            self.shortcut.append(nn.BatchNorm2d(EXPANSION * planes))

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) to (B, 4 * planes, H', W'), between 0 and 20."""
        splits = _limited(self.bn1(self.conv1(x))).chunk(SPLITS, dim=1)
        heard: list[Tensor] = []
        for place, (convolution, norm) in enumerate(zip(self.convs, self.bns, strict=True)):
            given = splits[place] if not heard else self._together(heard[-1], splits[place], place - 1)
            heard.append(_limited(norm(convolution(given))))
        return _limited(self.bn3(self.conv3(torch.cat(heard, dim=1))) + self.shortcut(x))

    def _together(self, earlier: Tensor, split: Tensor, place: int) -> Tensor:
        if self.fuse_models is None:
            return earlier + split
        fused: Tensor = self.fuse_models[place](earlier, split)
        return fused


def _limited(x: Tensor) -> Tensor:
    return x.clamp(0, _CEILING)
