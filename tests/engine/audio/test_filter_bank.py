"""The log filter bank: frames, bands, and what it does not hear."""

import torch

from engine.audio.filter_bank import FilterBankSpec, filter_bank

_SPEC = FilterBankSpec()


def _tone(hertz, samples=4000):
    return torch.sin(2 * torch.pi * hertz * torch.arange(samples) / _SPEC.rate_hz)[None] * 0.3


def test_only_whole_frames_are_taken():
    for samples, frames in ((400, 1), (559, 1), (560, 2), (4000, 23)):
        assert filter_bank(torch.randn(2, samples)).shape == (2, frames, 80)


def test_a_tone_is_loudest_in_the_band_of_its_pitch():
    loudest = [int(filter_bank(_tone(hertz))[0].mean(dim=0).argmax()) for hertz in (300, 1000, 3000, 7000)]
    assert loudest == sorted(loudest)
    top = 1127 * torch.log1p(torch.tensor(8000 / 700)) - 1127 * torch.log1p(torch.tensor(20 / 700))
    place = 1127 * torch.log1p(torch.tensor(1000 / 700)) - 1127 * torch.log1p(torch.tensor(20 / 700))
    assert abs(loudest[1] + 1 - float(place / top * 81)) < 1


def test_twice_the_amplitude_is_four_times_the_energy():
    quiet, loud = filter_bank(_tone(500)), filter_bank(2 * _tone(500))
    assert torch.allclose((loud - quiet)[..., 20], torch.tensor(4.0).log().expand(1, 23), atol=1e-3)


def test_a_constant_is_silence():
    assert torch.equal(filter_bank(torch.full((1, 800), 0.5)), filter_bank(torch.zeros(1, 800)))
    assert torch.isfinite(filter_bank(torch.zeros(1, 800))).all()


def test_rows_do_not_hear_each_other():
    waves = torch.randn(2, 1600)
    assert torch.allclose(filter_bank(waves)[1:], filter_bank(waves[1:]), atol=1e-5)
