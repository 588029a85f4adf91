"""Cutting at pauses."""

import numpy as np
import pytest

from engine.audio.slicer import Clip, SilenceRules, limit_lengths, loudness, slice_at_silence
from engine.protocol.errors import BadParameters

RATE_HZ = 32000
TONE = (0.5 * np.sin(np.arange(5 * RATE_HZ) * 0.05)).astype(np.float32)
PAUSE = np.zeros(2 * RATE_HZ, np.float32)


def test_a_pause_separates_two_clips_and_leaves_some_silence():
    first, second = slice_at_silence(np.concatenate([TONE, PAUSE, TONE]), RATE_HZ, SilenceRules())
    assert first.start == 0
    assert first.end / RATE_HZ == pytest.approx(5, abs=0.55)
    assert second.start / RATE_HZ == pytest.approx(7, abs=0.55)
    assert first.end < second.start


def test_all_but_silence_is_kept():
    wave = np.concatenate([PAUSE, TONE, PAUSE, TONE, PAUSE])
    clips = slice_at_silence(wave, RATE_HZ, SilenceRules())
    kept = sum(float(np.square(clip.samples).sum()) for clip in clips)
    assert kept == pytest.approx(float(np.square(wave).sum()))


def test_silence_gives_no_clip():
    assert slice_at_silence(PAUSE, RATE_HZ, SilenceRules()) == []
    assert slice_at_silence(PAUSE[:0], RATE_HZ, SilenceRules()) == []


def test_the_loudness_of_a_constant_is_its_value():
    curve = loudness(np.full(3200, 0.25, np.float32), 1280, 320)
    assert curve[3:-3] == pytest.approx(0.25)
    assert len(curve) == 11


@pytest.mark.parametrize(
    "rules",
    [SilenceRules(min_interval_ms=5000), SilenceRules(hop_ms=400), SilenceRules(max_silence_ms=0)],
)
def test_rules_that_do_not_fit_together_are_refused(rules):
    with pytest.raises(BadParameters) as caught:
        slice_at_silence(TONE, RATE_HZ, rules)
    assert caught.value.hint


def test_a_long_clip_without_a_pause_is_cut_where_it_is_quietest():
    rate_hz = 8000
    samples = np.full(30 * rate_hz, 0.5, np.float32)
    samples[7 * rate_hz : 7 * rate_hz + 800] = 0.1
    whole = Clip(start=100, end=100 + samples.size, samples=samples)
    short = Clip(start=0, end=80, samples=samples[:80])
    made = limit_lengths([short, whole], rate_hz, 10_000, 10)
    assert made[0] is short
    assert max(clip.samples.size for clip in made) <= 10 * rate_hz
    assert made[1].samples.size == pytest.approx(7.05 * rate_hz, abs=800)
    assert [clip.start for clip in made[2:]] == [clip.end for clip in made[1:-1]]
    assert (made[1].start, made[-1].end) == (whole.start, whole.end)
    assert np.array_equal(np.concatenate([clip.samples for clip in made[1:]]), samples)
