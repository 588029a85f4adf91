"""Change of sample rate."""

import numpy as np

from engine.audio.resample import Resampler, resample


def test_length_follows_the_rates():
    assert len(resample(np.zeros(32000, np.float32), 32000, 16000)) == 16000
    assert len(resample(np.zeros(0, np.float32), 32000, 16000)) == 0


def test_equal_rates_change_nothing():
    samples = np.ones(10, np.float32)
    assert resample(samples, 32000, 32000) is samples


def test_what_the_new_rate_cannot_hold_is_gone():
    tone = np.sin(np.arange(32000) * 2 * np.pi * 12000 / 32000).astype(np.float32)
    assert np.abs(resample(tone, 32000, 16000))[500:-500].max() < 0.01


def test_blocks_give_the_same_as_the_whole():
    noise = np.random.default_rng(0).normal(0, 0.1, 44100).astype(np.float32)
    stream = Resampler(44100, 32000)
    parts = [stream.push(noise[first : first + 5000]) for first in range(0, 40000, 5000)]
    parts.append(stream.push(noise[40000:], last=True))
    whole = resample(noise, 44100, 32000)
    joined = np.concatenate(parts)
    assert len(joined) == len(whole)
    assert np.abs(joined - whole).max() < 1e-5
