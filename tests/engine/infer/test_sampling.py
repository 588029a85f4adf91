"""Choosing tokens: limits, penalty and the draw itself."""

import pytest
import torch

from engine.infer.options import SamplingOptions
from engine.infer.sampling import discourage_repetition, draw, token_probabilities


def test_used_tokens_become_less_likely_once():
    logits = torch.tensor([2.0, -2.0, 4.0, 1.0])
    got = discourage_repetition(logits, torch.tensor([0, 1, 1, 0]), 2.0)
    assert got.tolist() == [1.0, -4.0, 4.0, 1.0]
    assert discourage_repetition(logits, torch.empty(0, dtype=torch.long), 2.0).tolist() == logits.tolist()
    assert logits.tolist() == [2.0, -2.0, 4.0, 1.0]


def test_only_the_k_likeliest_can_be_drawn():
    probabilities = token_probabilities(torch.tensor([1.0, 3.0, 2.0, 0.0]), SamplingOptions(top_k=2))
    assert (probabilities > 0).tolist() == [False, True, True, False]
    torch.testing.assert_close(probabilities.sum(), torch.tensor(1.0))


def test_the_nucleus_keeps_the_best_token_at_least():
    logits = torch.tensor([5.0, 4.9, -5.0])
    kept = token_probabilities(logits, SamplingOptions(top_p=1e-6)) > 0
    assert kept.tolist() == [True, False, False]


def test_temperature_sharpens_and_zero_is_the_likeliest():
    logits = torch.tensor([1.0, 2.0, 0.0])
    sharp = token_probabilities(logits, SamplingOptions(temperature=0.5))
    plain = token_probabilities(logits, SamplingOptions())
    assert sharp[1] > plain[1]
    assert token_probabilities(logits, SamplingOptions(temperature=0.0)).tolist() == [0.0, 1.0, 0.0]


def test_draws_follow_the_probabilities_and_the_seed():
    probabilities = torch.tensor([0.1, 0.0, 0.6, 0.3])
    chance = torch.Generator().manual_seed(5)
    drawn = torch.tensor([draw(probabilities, chance) for _ in range(3000)])
    shares = torch.bincount(drawn, minlength=4) / 3000
    torch.testing.assert_close(shares, probabilities, atol=0.03, rtol=0)
    chance.manual_seed(5)
    assert [draw(probabilities, chance) for _ in range(20)] == drawn[:20].tolist()


@pytest.mark.parametrize("wrong", [{"top_k": 0}, {"top_p": 0.0}, {"temperature": -1.0}, {"max_tokens": 0}])
def test_senseless_options_are_refused(wrong):
    with pytest.raises(ValueError, match=r"must be|at least"):
        SamplingOptions(**wrong)
