"""Finds the latent of a recording, for training."""

from __future__ import annotations

from torch import Tensor, nn

from engine.models.prior_encoder import Gaussian
from engine.models.sovits_config import SovitsConfig
from engine.modules.wavenet import GatedStack


class PosteriorEncoder(nn.Module):
    """From a linear spectrogram to the latent's distribution."""

    def __init__(self, config: SovitsConfig) -> None:
        super().__init__()
        hidden = config.hidden_channels
        self.pre = nn.Conv1d(config.spectrogram_bins, hidden, 1)
        self.enc = GatedStack(
            hidden,
            layers=config.posterior_layers,
            kernel=config.gate_kernel,
            style_channels=config.style_channels,
        )
        self.proj = nn.Conv1d(hidden, 2 * config.latent_channels, 1)

    def forward(self, spectrogram: Tensor, mask: Tensor, style: Tensor) -> Gaussian:
        """Where the latent lies.

        Args:
            spectrogram: (B, bins, F) linear amplitude.
            mask: (B, 1, F).
            style: (B, G, 1).

        Returns:
            Mean and log deviation, (B, latent, F) each, zero where the mask is.
        """
        x = self.enc(self.pre(spectrogram) * mask, mask, style)
        mean, log_scale = (self.proj(x) * mask).chunk(2, dim=1)
        return Gaussian(mean, log_scale)
