"""Speaks a latent, or a mel spectrogram: a stack of upsampling convolutions that ends in samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
            x = x + plain(F.leaky_relu(inner, _SLOPE, inplace=True))
        return x


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSizes:
    """Sizes of a stack.

    Attributes:
        channels_in: Width of what is spoken.
        channels: Width of the first stage; halved by each.
        rates: Factors of the stages.
        kernels: Kernels of the stages.
        resblock_kernels: Kernels of the parallel residual blocks.
        resblock_dilations: Dilations of each of them.
        style_channels: Width of the style; 0 for none.
        last_bias: Whether the last convolution has a bias.
    """

    channels_in: int
    channels: int
    rates: tuple[int, ...]
    kernels: tuple[int, ...]
    resblock_kernels: tuple[int, ...]
    resblock_dilations: tuple[tuple[int, ...], ...]
    style_channels: int = 0
    last_bias: bool = False


class WaveStack(nn.Module):
    """From frames to a waveform."""

    def __init__(self, sizes: StackSizes) -> None:
        super().__init__()
        width = sizes.channels
        self.parallel = len(sizes.resblock_kernels)
        self.saves_memory = False
        self.conv_pre = nn.Conv1d(sizes.channels_in, width, _OUTER_KERNEL, padding=_OUTER_KERNEL // 2)
        self.ups = nn.ModuleList()
        self.resblocks = nn.ModuleList()
        for rate, kernel in zip(sizes.rates, sizes.kernels, strict=True):
            self.ups.append(NormedUpsample1d(width, width // 2, kernel=kernel, stride=rate))
            width //= 2
            for size, dilations in zip(sizes.resblock_kernels, sizes.resblock_dilations, strict=True):
                self.resblocks.append(_ResidualBlock(width, size, dilations))
        self.conv_post = nn.Conv1d(width, 1, _OUTER_KERNEL, padding=_OUTER_KERNEL // 2, bias=sizes.last_bias)
        if sizes.style_channels:
            self.cond = nn.Conv1d(sizes.style_channels, sizes.channels, 1)

    def forward(self, frames: Tensor, style: Tensor | None = None) -> Tensor:
        """Samples.

        Args:
            frames: (B, C, T) latent or mel.
            style: (B, G, 1), where the stack has one.

        Returns:
            (B, 1, T * hop) in [-1, 1].
        """
        x = self.conv_pre(frames)
        if style is not None:
            x = x + self.cond(style)
        for index, upsample in enumerate(self.ups):
            x = upsample(F.leaky_relu(x, _SLOPE, inplace=True))
            first = index * self.parallel
            x = self._residual(self.resblocks[first : first + self.parallel], x)
        wave: Tensor = self.conv_post(F.leaky_relu(x, _LAST_SLOPE, inplace=True)).tanh()
        return wave

    def _residual(self, blocks: nn.ModuleList, x: Tensor) -> Tensor:
        """The mean of parallel blocks; to save memory, the way back computes them again."""

        def mean(start: Tensor) -> Tensor:
            return torch.stack([block(start) for block in blocks]).mean(dim=0)

        if self.saves_memory and torch.is_grad_enabled():
            again: Tensor = checkpoint(mean, x, use_reentrant=False)
            return again
        return mean(x)


class Decoder(WaveStack):
    """From latent frames to a waveform, in a speaker's style."""

    def __init__(self, config: SovitsConfig) -> None:
        super().__init__(
            StackSizes(
                channels_in=config.latent_channels,
                channels=config.upsample_channels,
                rates=config.upsample_rates,
                kernels=config.upsample_kernels,
                resblock_kernels=config.resblock_kernels,
                resblock_dilations=config.resblock_dilations,
                style_channels=config.style_channels,
            )
        )
