"""Reads a speaker's style off a reference recording."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from engine.models.sovits_config import SovitsConfig

_DROPOUT = 0.1
_KERNEL = 5


class _Linear(nn.Module):
    """A linear layer under the name that official files give it."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.fc = nn.Linear(width_in, width_out)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.fc(x)
        return y


class _Convolution(nn.Module):
    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width_in, width_out, _KERNEL, padding=_KERNEL // 2)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return y


class _GatedConvolution(nn.Module):
    """A convolution whose second half opens or closes the first, with a residual."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = _Convolution(width, 2 * width)
        self.drop = nn.Dropout(_DROPOUT)

    def forward(self, x: Tensor) -> Tensor:
        step: Tensor = self.drop(F.glu(self.conv1(x), dim=1))
        return x + step


class _FrameAttention(nn.Module):
    """Self attention over frames, with the residual."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.w_qs = nn.Linear(width, width)
        self.w_ks = nn.Linear(width, width)
        self.w_vs = nn.Linear(width, width)
        self.fc = nn.Linear(width, width)
        self.drop = nn.Dropout(_DROPOUT)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        query, key, value = (
            project(x).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for project in (self.w_qs, self.w_ks, self.w_vs)
        )
        # Official weights were trained with the root of the whole width, not of a head's.
        logits = query @ key.transpose(2, 3) * x.shape[2] ** -0.5
        logits = logits.masked_fill(mask.unsqueeze(1) == 0, -torch.inf)
        gathered = self.drop(logits.softmax(dim=-1)) @ value
        step: Tensor = self.drop(self.fc(gathered.transpose(1, 2).flatten(2)))
        return x + step


class ReferenceEncoder(nn.Module):
    """One vector for the style of a whole recording."""

    def __init__(self, config: SovitsConfig) -> None:
        super().__init__()
        self.bins = config.style_bins
        width = config.style_width
        self.spectral = nn.Sequential(
            _Linear(config.style_bins, width),
            nn.Mish(),
            nn.Dropout(_DROPOUT),
            _Linear(width, width),
            nn.Mish(),
            nn.Dropout(_DROPOUT),
        )
        self.temporal = nn.Sequential(_GatedConvolution(width), _GatedConvolution(width))
        self.slf_attn = _FrameAttention(width, config.style_heads)
        self.fc = _Linear(width, config.style_channels)

    def forward(self, spectrogram: Tensor, mask: Tensor) -> Tensor:
        """The style.

        The frames beside the padding hear where it begins (but not what is in it): official
        weights were trained so, and their numbers hang on it.

        Args:
            spectrogram: (B, bins or more, F) linear amplitude.
            mask: (B, 1, F) with one for content.

        Returns:
            (B, G, 1).
        """
        frames = (spectrogram[:, : self.bins] * mask).transpose(1, 2)
        x = self.temporal(self.spectral(frames).transpose(1, 2)) * mask
        rows = self.fc(self.slf_attn(x.transpose(1, 2), mask)).transpose(1, 2)
        total = (rows * mask).sum(dim=2, keepdim=True)
        mean: Tensor = total / mask.sum(dim=2, keepdim=True)
        return mean
