"""Joining pieces of sound."""

import numpy as np
import pytest

from engine.infer.sola import Joiner, best_offset, join


def _tone(count, start=0):
    return np.sin((np.arange(count) + start) * 0.05).astype(np.float32)


def test_pieces_of_one_tone_become_the_tone_again():
    whole = _tone(3000)
    # The second piece begins 40 samples earlier than it should: the search finds that.
    joined = join([whole[:1000], whole[800 - 40 :]], overlap=200, search=100)
    assert len(joined) == 3000
    np.testing.assert_allclose(joined, whole, atol=1e-5)


def test_what_comes_early_and_what_is_held_back_add_up():
    joiner = Joiner(overlap=100, search=20)
    first = joiner.push(_tone(500))
    assert len(first) == 400
    ready = [first, joiner.push(_tone(500, 400)), joiner.finish()]
    np.testing.assert_array_equal(np.concatenate(ready), join([_tone(500), _tone(500, 400)], 100, 20))
    assert len(joiner.finish()) == 0


@pytest.mark.parametrize("counts", [(50, 500), (500, 50), (0, 10), (10, 0), (30, 20, 10)])
def test_short_pieces_are_joined_without_an_error(counts):
    joined = join([_tone(count) for count in counts], overlap=100, search=20)
    assert np.isfinite(joined).all()
    assert 0 < len(joined) <= sum(counts)
    assert joined.dtype == np.float32


def test_silence_has_an_offset_too():
    assert best_offset(np.zeros(10, np.float32), np.zeros(40, np.float32), 20) == 0
