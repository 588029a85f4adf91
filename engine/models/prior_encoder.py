"""Says from content codes and phones where the latent lies."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from engine.models.sovits_config import SovitsConfig
from engine.modules.transformer import Attention, RelativeEncoder


class Gaussian(NamedTuple):
    """A normal distribution per channel and frame: mean and log deviation, (B, C, T) each."""

    mean: Tensor
    log_scale: Tensor


class _TextMeetsContent(nn.Module):
    """Lets content look at the phones, and adds the style."""

    def __init__(self, config: SovitsConfig) -> None:
        super().__init__()
        width = config.mrte_channels
        self.cross_attention = Attention(width, config.mrte_heads)
        self.c_pre = nn.Conv1d(config.hidden_channels, width, 1)
        self.text_pre = nn.Conv1d(config.hidden_channels, width, 1)
        self.c_post = nn.Conv1d(width, config.hidden_channels, 1)

    def forward(
        self, content: Tensor, content_mask: Tensor, text: Tensor, text_mask: Tensor, style: Tensor
    ) -> Tensor:
        wide = self.c_pre(content * content_mask) * content_mask
        words = self.text_pre(text * text_mask) * text_mask
        met = self.cross_attention(wide, words, text_mask) + wide + style
        narrow: Tensor = self.c_post(met * content_mask)
        return narrow


class PriorEncoder(nn.Module):
    """Encoders of content, of text, and of both together."""

    def __init__(self, config: SovitsConfig) -> None:
        super().__init__()

        def encoder(layers: int) -> RelativeEncoder:
            return RelativeEncoder(
                channels=config.hidden_channels,
                inner=config.filter_channels,
                heads=config.heads,
                layers=layers,
                kernel=config.kernel,
                window=config.relative_window,
                dropout=config.dropout,
            )

        self.ssl_proj = nn.Conv1d(config.ssl_channels, config.hidden_channels, 1)
        self.encoder_ssl = encoder(config.layers // 2)
        self.encoder_text = encoder(config.layers)
        self.text_embedding = nn.Embedding(config.symbol_rows, config.hidden_channels)
        self.mrte = _TextMeetsContent(config)
        self.encoder2 = encoder(config.layers // 2)
        self.proj = nn.Conv1d(config.hidden_channels, 2 * config.latent_channels, 1)

    def forward(
        self, content: Tensor, content_mask: Tensor, phones: Tensor, phone_mask: Tensor, style: Tensor
    ) -> Tensor:
        """Features that hold what is said, frame by frame.

        Args:
            content: (B, C, T) code vectors at the spectrogram's frame rate.
            content_mask: (B, 1, T).
            phones: (B, L) int64.
            phone_mask: (B, 1, L).
            style: (B, G, 1).

        Returns:
            (B, hidden, T).
        """
        x = self.ssl_proj(content * content_mask) * content_mask
        x = self.encoder_ssl(x, content_mask)
        text = self.encoder_text(self.text_embedding(phones).transpose(1, 2), phone_mask)
        x = self.mrte(x, content_mask, text, phone_mask, style)
        encoded: Tensor = self.encoder2(x, content_mask)
        return encoded

    def distribution(self, features: Tensor, mask: Tensor) -> Gaussian:
        """Where the latent lies, for features (B, hidden, T)."""
        mean, log_scale = (self.proj(features) * mask).chunk(2, dim=1)
        return Gaussian(mean, log_scale)


def change_speed(features: Tensor, speed: float) -> Tensor:
    """Features of the same words, spoken faster or slower.

    Args:
        features: (B, C, T).
        speed: above 1 for faster.

    Returns:
        (B, C, int(T / speed) + 1); unchanged at speed 1.
    """
    if speed == 1:
        return features
    return F.interpolate(features, size=int(features.shape[2] / speed) + 1, mode="linear")


def blend_start(features: Tensor, earlier: Tensor) -> Tensor:
    """Fades from features of an earlier call to those of this one.

    Args:
        features: (B, C, T).
        earlier: (B, C, n) features of the same frames, n <= T.

    Returns:
        (B, C, T) with the first n frames blended by a sine.
    """
    frames = earlier.shape[2]
    angle = torch.arange(frames, device=features.device) * (torch.pi / (2 * frames))
    rising, falling = angle.sin().to(features.dtype), angle.cos().to(features.dtype)
    blended = features[..., :frames] * rising + earlier * falling
    return torch.cat((blended, features[..., frames:]), dim=2)
