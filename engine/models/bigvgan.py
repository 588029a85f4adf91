"""BigVGAN v2, which speaks the mel spectrograms of v3; its weights are folded, for speaking only."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from engine.models.hifigan import StackSizes
from engine.modules.antialias import CleanSnake

_OUTER_KERNEL = 7


class _ResidualBlock(nn.Module):
    """Pairs of a dilated and a plain convolution, a snake before each, each pair with its residual."""

    def __init__(self, channels: int, kernel: int, dilations: Sequence[int]) -> None:
        super().__init__()

        def convolution(dilation: int) -> nn.Conv1d:
            return nn.Conv1d(channels, channels, kernel, dilation=dilation, padding=dilation * (kernel // 2))

        self.convs1 = nn.ModuleList(convolution(dilation) for dilation in dilations)
        self.convs2 = nn.ModuleList(convolution(1) for _ in dilations)
        self.activations = nn.ModuleList(CleanSnake(channels) for _ in range(2 * len(dilations)))

    def forward(self, x: Tensor) -> Tensor:
        pairs = zip(self.convs1, self.convs2, strict=True)
        for index, (dilated, plain) in enumerate(pairs):
            inner = dilated(self.activations[2 * index](x))
            x = x + plain(self.activations[2 * index + 1](inner))
        return x


class BigVgan(nn.Module):
    """From log-mel frames to a waveform, under the state-dict names of the official file."""

    def __init__(self, sizes: StackSizes) -> None:
        super().__init__()
        width = sizes.channels
        self.parallel = len(sizes.resblock_kernels)
        self.conv_pre = nn.Conv1d(sizes.channels_in, width, _OUTER_KERNEL, padding=_OUTER_KERNEL // 2)
        self.ups = nn.ModuleList()
        self.resblocks = nn.ModuleList()
        for rate, kernel in zip(sizes.rates, sizes.kernels, strict=True):
            upsample = nn.ConvTranspose1d(
                width, width // 2, kernel, stride=rate, padding=(kernel - rate) // 2
            )
            self.ups.append(nn.Sequential(upsample))
            width //= 2
            for size, dilations in zip(sizes.resblock_kernels, sizes.resblock_dilations, strict=True):
                self.resblocks.append(_ResidualBlock(width, size, dilations))
        self.activation_post = CleanSnake(width)
        self.conv_post = nn.Conv1d(width, 1, _OUTER_KERNEL, padding=_OUTER_KERNEL // 2, bias=sizes.last_bias)

    def forward(self, mel: Tensor) -> Tensor:
        """(B, bands, T) natural-log mel to (B, 1, T * hop) in [-1, 1]."""
        x = self.conv_pre(mel)
        for index, upsample in enumerate(self.ups):
            x = upsample(x)
            first = index * self.parallel
            blocks = self.resblocks[first : first + self.parallel]
            x = torch.stack([block(x) for block in blocks]).mean(dim=0)
        wave: Tensor = self.conv_post(self.activation_post(x))
        return wave.clamp(-1, 1)
