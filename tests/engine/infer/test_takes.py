"""Telling good takes from bad ones."""

import pytest
import torch

from engine.infer.semantic import Generation
from engine.infer.takes import Chance, better, fault_of, token_limit


def _take(count, *, ended=True):
    return Generation(tokens=tuple(range(count)), ended=ended)


def test_a_take_of_a_likely_length_is_fine():
    assert fault_of(_take(40), 20) == ""
    assert fault_of(_take(11), 6) == ""


@pytest.mark.parametrize(
    ("take", "words"),
    [
        (_take(500, ended=False), "did not come to an end within 20 s"),
        (_take(11), "ended after 0.4 s, too early for 60 sounds"),
        (_take(0), "too early"),
    ],
)
def test_what_cannot_be_right_is_told(take, words):
    assert words in fault_of(take, 60)


def test_the_limit_grows_with_the_text():
    assert token_limit(10) < token_limit(60)
    assert token_limit(10) / 25 > 10  # seconds


def test_the_better_of_two_bad_takes_ended_or_is_longer():
    endless, short, shorter = _take(500, ended=False), _take(20), _take(11)
    assert better(endless, short) is short
    assert better(short, endless) is short
    assert better(shorter, short) is short
    assert better(short, shorter) is short


def test_another_attempt_has_other_chance_and_the_same_seed_the_same():
    def drawn(*arguments):
        chance = Chance(*arguments)
        return torch.rand(4, generator=chance.tokens).tolist(), torch.rand(4, generator=chance.noise).tolist()

    assert drawn(5) == drawn(5)
    assert drawn(5) == drawn(5, 0)
    tokens, noise = drawn(5, 1)
    assert tokens != drawn(5)[0]
    assert noise != drawn(5)[1]
    assert drawn(5)[0] != drawn(5)[1]
