"""Gated convolutions that are conditioned on a speaker's style."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.modules.normed import NormedConv1d


class GatedStack(nn.Module):
    """Residual layers of a convolution and a gate; the result is the sum of their side outputs."""

    def __init__(self, channels: int, *, layers: int, kernel: int, style_channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.in_layers = nn.ModuleList(
            NormedConv1d(channels, 2 * channels, kernel, padding=kernel // 2) for _ in range(layers)
        )
        self.res_skip_layers = nn.ModuleList(
            NormedConv1d(channels, channels if last else 2 * channels, 1)
            for last in (index == layers - 1 for index in range(layers))
        )
        self.cond_layer = NormedConv1d(style_channels, 2 * channels * layers, 1)

    def forward(self, x: Tensor, mask: Tensor, style: Tensor) -> Tensor:
        """Refines a sequence.

        Args:
            x: (B, C, T).
            mask: (B, 1, T).
            style: (B, G, 1) or (B, G, T).

        Returns:
            (B, C, T), zero where the mask is.
        """
        hints = self.cond_layer(style).chunk(len(self.in_layers), dim=1)
        total = torch.zeros_like(x)
        for widen, narrow, hint in zip(self.in_layers, self.res_skip_layers, hints, strict=True):
            signal, gate = (widen(x) + hint).chunk(2, dim=1)
            out = narrow(signal.tanh() * gate.sigmoid())
            if out.shape[1] == self.channels:  # the last layer has a side output only
                total = total + out
            else:
                step, side = out.chunk(2, dim=1)
                x = (x + step) * mask
                total = total + side
        return total * mask
