"""The latent of a recording."""

import torch

from engine.models.posterior import PosteriorEncoder
from tests.engine.models.tiny import TINY


def test_the_latent_follows_the_spectrogram_inside_the_mask():
    torch.manual_seed(0)
    encoder = PosteriorEncoder(TINY)
    spectrogram, style = torch.rand(1, TINY.spectrogram_bins, 10), torch.randn(1, 16, 1)
    mask = torch.ones(1, 1, 10)
    mask[..., 7:] = 0
    found = encoder(spectrogram, mask, style)
    assert found.mean.shape == found.log_scale.shape == (1, TINY.latent_channels, 10)
    assert (found.mean[..., 7:] == 0).all()
    alone = encoder(spectrogram[..., :7], mask[..., :7], style)
    assert torch.allclose(found.mean[..., :7], alone.mean, atol=1e-6)
    assert not torch.allclose(found.mean, encoder(spectrogram, mask, -style).mean)
