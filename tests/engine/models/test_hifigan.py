"""The decoder."""

import torch

from engine.models.hifigan import Decoder
from tests.engine.models.tiny import TINY


def test_each_frame_becomes_one_hop_of_sound_in_range():
    torch.manual_seed(0)
    decoder = Decoder(TINY)
    latent, style = torch.randn(2, TINY.latent_channels, 3), torch.randn(2, TINY.style_channels, 1)
    wave = decoder(latent, style)
    assert wave.shape == (2, 1, 3 * TINY.hop_samples)
    assert wave.abs().max() <= 1
    assert not torch.equal(wave, decoder(latent, -style))


def test_sound_depends_on_near_frames_only():
    torch.manual_seed(0)
    decoder = Decoder(TINY)
    latent, style = torch.randn(1, TINY.latent_channels, 40), torch.zeros(1, TINY.style_channels, 1)
    changed = latent.clone()
    changed[..., -1] += 1
    same = (decoder(latent, style) == decoder(changed, style))[0, 0]
    assert same[: 25 * TINY.hop_samples].all()
    assert not same[-TINY.hop_samples :].all()
