"""Loudness of clips."""

import numpy as np
import pytest

from engine.audio.levels import level, peak, to_pcm16, training_copy
from engine.protocol.errors import BadAudio

RAMP = np.linspace(-0.5, 0.5, 101, dtype=np.float32)


def test_a_sample_that_is_too_loud_clips_and_never_wraps():
    assert to_pcm16(np.array([1.5, -1.5, 1.0], np.float32), 32768).tolist() == [32767, -32768, 32767]


def test_levelling_draws_the_peak_to_its_target():
    assert peak(level(RAMP, 0.9, 1.0)) == pytest.approx(0.9)
    assert np.allclose(level(RAMP, 0.9, 0.0), RAMP)
    assert peak(level(RAMP, 0.9, 0.5)) == pytest.approx(0.7)


def test_a_clip_beyond_full_scale_is_levelled_twice_unless_once_is_wanted():
    loud = RAMP * 4  # a peak of 2
    assert peak(level(loud, 0.9, 0.5)) == pytest.approx(0.5 * 0.9 / 2 + 0.5)
    assert peak(level(loud, 0.9, 0.5, once=True)) == pytest.approx(0.5 * 0.9 + 0.5)
    assert np.array_equal(level(RAMP, 0.9, 0.5, once=True), level(RAMP, 0.9, 0.5))


def test_silence_stays_silence():
    silence = np.zeros(10, np.float32)
    assert not level(silence, 0.9, 0.5).any()
    with pytest.raises(BadAudio, match="silent"):
        training_copy(silence)


def test_a_training_copy_is_half_levelled():
    copy = training_copy(RAMP)
    assert peak(copy.mixed) == pytest.approx(0.5 * 0.95 + 0.25)
    assert np.allclose(copy.content, copy.mixed * 1145.14)
    assert copy.pcm.dtype == np.int16


def test_a_clip_far_beyond_full_scale_is_refused():
    with pytest.raises(BadAudio, match="too loud"):
        training_copy(RAMP * 5)
