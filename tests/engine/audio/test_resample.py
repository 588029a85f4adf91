"""Change of sample rate."""

import numpy as np

from engine.audio.resample import resample


def test_length_follows_the_rates():
    assert len(resample(np.zeros(32000, np.float32), 32000, 16000)) == 16000
    assert len(resample(np.zeros(0, np.float32), 32000, 16000)) == 0


def test_equal_rates_change_nothing():
    samples = np.ones(10, np.float32)
    assert resample(samples, 32000, 32000) is samples


def test_what_the_new_rate_cannot_hold_is_gone():
    tone = np.sin(np.arange(32000) * 2 * np.pi * 12000 / 32000).astype(np.float32)
    assert np.abs(resample(tone, 32000, 16000))[500:-500].max() < 0.01
