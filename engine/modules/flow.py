"""An invertible map between what is spoken and how a voice speaks it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.modules.wavenet import GatedStack


class ShiftCoupling(nn.Module):
    """Shifts the upper half of the channels by a function of the lower half."""

    def __init__(self, channels: int, hidden: int, *, layers: int, kernel: int, style_channels: int) -> None:
        super().__init__()
        self.pre = nn.Conv1d(channels // 2, hidden, 1)
        self.enc = GatedStack(hidden, layers=layers, kernel=kernel, style_channels=style_channels)
        self.post = nn.Conv1d(hidden, channels // 2, 1)
        nn.init.zeros_(self.post.weight)
        if self.post.bias is not None:
            nn.init.zeros_(self.post.bias)

    def forward(self, x: Tensor, mask: Tensor, style: Tensor, *, inverse: bool = False) -> Tensor:
        """(B, C, T) shifted, or shifted back."""
        lower, upper = x.chunk(2, dim=1)
        shift = self.post(self.enc(self.pre(lower) * mask, mask, style)) * mask
        moved = (upper - shift) * mask if inverse else shift + upper * mask
        return torch.cat((lower, moved), dim=1)


class ChannelFlip(nn.Module):
    """Reverses the order of the channels, so that the next coupling moves the other half."""

    def forward(self, x: Tensor, mask: Tensor, style: Tensor, *, inverse: bool = False) -> Tensor:  # noqa: ARG002
        """(B, C, T) with its channels reversed; its own inverse."""
        return x.flip(1)


class CouplingFlow(nn.Module):
    """Couplings and flips in turn."""

    def __init__(
        self, channels: int, hidden: int, *, count: int, layers: int, kernel: int, style_channels: int
    ) -> None:
        super().__init__()
        self.flows = nn.ModuleList()
        for _ in range(count):
            self.flows.append(
                ShiftCoupling(channels, hidden, layers=layers, kernel=kernel, style_channels=style_channels)
            )
            self.flows.append(ChannelFlip())

    def forward(self, x: Tensor, mask: Tensor, style: Tensor, *, inverse: bool = False) -> Tensor:
        """Maps a sequence to the prior's space, or back.

        Args:
            x: (B, C, T).
            mask: (B, 1, T).
            style: (B, G, 1).
            inverse: from the prior's space to the decoder's.

        Returns:
            (B, C, T).
        """
        for step in reversed(self.flows) if inverse else self.flows:
            x = step(x, mask, style, inverse=inverse)
        return x
