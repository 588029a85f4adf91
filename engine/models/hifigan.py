"""Speaks a latent: a stack of upsampling convolutions that ends in samples."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from engine.models.sovits_config import SovitsConfig
from engine.modules.normed import NormedConv1d, NormedUpsample1d

_SLOPE = 0.1
_LAST_SLOPE = 0.01
_OUTER_KERNEL = 7


class _ResidualBlock(nn.Module):
    """Pairs of a dilated and a plain convolution, each pair with its residual."""

    def __init__(self, channels: int, kernel: int, dilations: Sequence[int]) -> None:
        super().__init__()
        half = kernel // 2
        self.convs1 = nn.ModuleList(
            NormedConv1d(channels, channels, kernel, dilation=dilation, padding=dilation * half)
            for dilation in dilations
        )
        self.convs2 = nn.ModuleList(NormedConv1d(channels, channels, kernel, padding=half) for _ in dilations)

    def forward(self, x: Tensor) -> Tensor:
        for dilated, plain in zip(self.convs1, self.convs2, strict=True):
            inner = dilated(F.leaky_relu(x, _SLOPE))
            x = x + plain(F.leaky_relu(inner, _SLOPE))
        return x


class Decoder(nn.Module):
    """From latent frames to a waveform, in a speaker's style."""

    def __init__(self, config: SovitsConfig) -> None:
        super().__init__()
        width = config.upsample_channels
        self.parallel = len(config.resblock_kernels)
        self.saves_memory = False
        self.conv_pre = nn.Conv1d(config.latent_channels, width, _OUTER_KERNEL, padding=_OUTER_KERNEL // 2)
        self.ups = nn.ModuleList()
        self.resblocks = nn.ModuleList()
        for rate, kernel in zip(config.upsample_rates, config.upsample_kernels, strict=True):
            self.ups.append(NormedUpsample1d(width, width // 2, kernel=kernel, stride=rate))
            width //= 2
            for size, dilations in zip(config.resblock_kernels, config.resblock_dilations, strict=True):
                self.resblocks.append(_ResidualBlock(width, size, dilations))
        self.conv_post = nn.Conv1d(width, 1, _OUTER_KERNEL, padding=_OUTER_KERNEL // 2, bias=False)
        self.cond = nn.Conv1d(config.style_channels, config.upsample_channels, 1)

    def forward(self, latent: Tensor, style: Tensor) -> Tensor:
        """Samples.

        Args:
            latent: (B, latent, T).
            style: (B, G, 1).

        Returns:
            (B, 1, T * hop) in [-1, 1].
        """
        x = self.conv_pre(latent) + self.cond(style)
        for index, upsample in enumerate(self.ups):
            x = upsample(F.leaky_relu(x, _SLOPE))
            first = index * self.parallel
            x = self._residual(self.resblocks[first : first + self.parallel], x)
        wave: Tensor = self.conv_post(F.leaky_relu(x, _LAST_SLOPE)).tanh()
        return wave

    def _residual(self, blocks: nn.ModuleList, x: Tensor) -> Tensor:
        """The mean of parallel blocks; to save memory, the way back computes them again."""

        def mean(start: Tensor) -> Tensor:
            return torch.stack([block(start) for block in blocks]).mean(dim=0)

        if self.saves_memory and torch.is_grad_enabled():
            again: Tensor = checkpoint(mean, x, use_reentrant=False)
            return again
        return mean(x)
