"""Spectrograms against the golden case."""

import torch

from engine.audio.spectrogram import V3_MEL, V4_MEL, linear_spectrogram, log_mel, mel_of_linear, normalise_mel
from tests.parity.kit.cases import GoldenCase


def test_spectrograms():
    case = GoldenCase("spectrograms")
    wave = torch.from_numpy(case.inputs["wav"])
    linear = linear_spectrogram(wave)
    v3, v4 = log_mel(wave, V3_MEL), log_mel(wave, V4_MEL)
    given = {
        "spec32k": linear,
        "mel128": mel_of_linear(linear),
        "mel_v3": v3,
        "mel_v3_norm": normalise_mel(v3),
        "mel_v4": v4,
        "mel_v4_norm": normalise_mel(v4),
    }
    assert set(given) == set(case.outputs)
    assert [fault for name, value in given.items() for fault in case.problems(name, value)] == []
