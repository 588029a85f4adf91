"""Pieces and windows go over into each other without a trace."""

import numpy as np
import pytest

from engine.dataset.separation.pieces import Pieces, overlapped
from tests.engine.dataset.separation.tiny import noise


def blocks(sound, size):
    for start in range(0, sound.shape[1], size):
        yield sound[:, start : start + size]


@pytest.mark.parametrize("samples", [1, 90, 100, 101, 119, 120, 121, 140, 199, 321, 1000])
@pytest.mark.parametrize("size", [7, 1000])
def test_every_sample_comes_out_once(samples, size):
    sound = noise(1)[:, :samples]
    longest = []

    def double(mix):
        longest.append(mix.shape[1])
        return np.stack([mix, 2 * mix])

    made = np.concatenate(list(Pieces(100, 20, 5).separate(blocks(sound, size), double)), axis=2)
    np.testing.assert_allclose(made[0], sound, atol=1e-6)
    np.testing.assert_allclose(made[1], 2 * sound, atol=1e-6)
    assert max(longest) <= 140


def test_two_opinions_go_over_gradually():
    calls = iter(range(100))

    def opinion(mix):
        return np.full((2, *mix.shape), next(calls), np.float32)

    made = np.concatenate(
        list(Pieces(100, 20, 10).separate([np.zeros((2, 300), np.float32)], opinion)), axis=2
    )
    steps = np.diff(made[0, 0])
    assert made[0, 0, 89] == 0
    assert made[0, 0, 111] == 1
    assert steps.min() >= 0
    assert steps.max() < 0.06


@pytest.mark.parametrize("samples", [1, 63, 64, 65, 500])
@pytest.mark.parametrize("step", [16, 32, 64])
def test_windows_make_up_the_whole(samples, step):
    sound = noise(1)[:, :samples]
    made = overlapped(sound, 64, step, lambda window: np.stack([window, -window]), print)
    np.testing.assert_allclose(made[0], sound, atol=1e-6)
    np.testing.assert_allclose(made[1], -sound, atol=1e-6)
