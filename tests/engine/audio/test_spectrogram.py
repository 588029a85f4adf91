"""Spectrograms."""

import math

import pytest
import torch

from engine.audio.spectrogram import (
    SOVITS_MEL,
    SOVITS_SPECTROGRAM,
    V3_MEL,
    denormalise_mel,
    linear_spectrogram,
    log_mel,
    mel_of_linear,
    normalise_mel,
)
from engine.protocol.errors import BadAudio


def _tone(frequency_hz, seconds=0.5, rate_hz=32000):
    time = torch.arange(int(seconds * rate_hz)) / rate_hz
    return (0.5 * torch.sin(2 * math.pi * frequency_hz * time)).unsqueeze(0)


@pytest.mark.parametrize("samples", [705, 6400, 6401, 7039])
def test_frames_are_samples_by_hop(samples):
    assert linear_spectrogram(torch.randn(2, samples)).shape == (2, 1025, samples // 640)


def test_a_tone_stands_in_its_bin():
    loudest = linear_spectrogram(_tone(4000))[0, :, 5].argmax()
    assert int(loudest) == 4000 * 2048 // 32000


def test_a_higher_tone_stands_in_a_higher_band():
    bands = [int(log_mel(_tone(hertz))[0, :, 5].argmax()) for hertz in (300, 1000, 3000, 9000)]
    assert bands == sorted(set(bands))


def test_silence_is_finite_and_gradients_too():
    wave = torch.zeros(1, 6400, requires_grad=True)
    mel = log_mel(wave)
    assert torch.isfinite(mel).all()
    mel.sum().backward()
    assert torch.isfinite(wave.grad).all()


def test_a_mel_of_sound_is_the_mel_of_its_spectrogram():
    wave = torch.randn(1, 6400)
    assert torch.equal(log_mel(wave), mel_of_linear(linear_spectrogram(wave)))
    assert SOVITS_MEL.spectrogram is SOVITS_SPECTROGRAM


def test_normalising_can_be_undone():
    mel = torch.tensor([[-12.0, -5.0, 2.0]])
    assert normalise_mel(mel).tolist() == [[-1, 0, 1]]
    assert torch.allclose(denormalise_mel(normalise_mel(mel)), mel)


def test_audio_that_is_too_short_is_refused():
    with pytest.raises(BadAudio, match="too short"):
        linear_spectrogram(torch.randn(1, 704))
    with pytest.raises(BadAudio, match="too short"):
        log_mel(torch.randn(1, 384), V3_MEL)
