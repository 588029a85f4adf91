"""Token generation with a tiny GPT: seeds, ends, and batches that equal single runs."""

import pytest
import torch

from engine.infer.options import SamplingOptions
from engine.infer.semantic import SemanticRequest, generate_batch, generate_tokens
from engine.models.gpt import Gpt, GptConfig
from engine.protocol.errors import Cancelled

CONFIG = GptConfig(
    layers=2, width=32, heads=4, phoneme_rows=40, semantic_rows=21, eos_token=20, bert_channels=6
)


@pytest.fixture(scope="module")
def gpt():
    torch.manual_seed(3)
    return Gpt(CONFIG).eval()


def _request(count, seed):
    chance = torch.Generator().manual_seed(count)
    return SemanticRequest(
        phones=torch.randint(1, 40, (count,), generator=chance),
        bert=torch.randn(6, count, generator=chance),
        generator=torch.Generator().manual_seed(seed),
    )


PROMPT = torch.tensor([3, 1, 4, 1, 5])


def test_a_seed_gives_the_same_tokens(gpt):
    options = SamplingOptions(max_tokens=40)
    first = list(generate_tokens(gpt, _request(8, 7), PROMPT, options))
    assert list(generate_tokens(gpt, _request(8, 7), PROMPT, options)) == first
    assert list(generate_tokens(gpt, _request(8, 8), PROMPT, options)) != first


def test_the_limits_hold_and_the_end_mark_stays_inside(gpt):
    ended = []
    for seed in range(12):
        request = _request(6, seed)
        tokens = list(generate_tokens(gpt, request, None, SamplingOptions(max_tokens=60)))
        assert 11 <= len(tokens) <= 60
        assert CONFIG.eos_token not in tokens
        ended.append(len(tokens) < 60)
    assert any(ended)
    assert len(list(generate_tokens(gpt, _request(6, 0), None, SamplingOptions(max_tokens=4)))) == 4


def test_tokens_come_one_by_one(gpt):
    seen = []
    stream = generate_tokens(
        gpt, _request(6, 1), PROMPT, SamplingOptions(), lambda step, _: seen.append(step)
    )
    next(stream)
    assert seen == [0]
    next(stream)
    assert seen == [0, 1]


def test_a_batch_gives_each_text_what_it_gets_alone(gpt):
    options = SamplingOptions(max_tokens=50, temperature=0.8)
    for prompt in (PROMPT, None):
        requests = [_request(count, seed) for count, seed in ((9, 1), (4, 2), (13, 3), (6, 4))]
        together = generate_batch(gpt, requests, prompt, options)
        alone = [
            list(generate_tokens(gpt, _request(count, seed), prompt, options))
            for count, seed in ((9, 1), (4, 2), (13, 3), (6, 4))
        ]
        assert [list(generation.tokens) for generation in together] == alone
        assert [generation.ended for generation in together] == [len(tokens) < 50 for tokens in alone]
    assert generate_batch(gpt, [], PROMPT, options) == []


def test_a_batch_can_be_stopped(gpt):
    def stop():
        raise Cancelled

    with pytest.raises(Cancelled):
        generate_batch(gpt, [_request(5, 1)], PROMPT, SamplingOptions(), stop)
