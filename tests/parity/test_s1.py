"""The text-to-semantic network against the golden cases, at full size."""

import re

import numpy as np
import pytest
import torch

from engine.infer.options import SamplingOptions
from engine.infer.semantic import SemanticRequest, generate_batch, generate_tokens
from engine.models.gpt import KEY_PREFIX, Gpt, GptConfig, PaddingRules, RejectedSequences
from tests.parity.kit.cases import GoldenCase, case_names
from tests.parity.kit.official import manifest

_DECODING = [name for name in case_names("s1_") if re.search(r"greedy|_eos|noprompt", name)]
_TRAINING = [name for name in case_names("s1_") if re.search(r"_train$|_dpo", name)]
_LEFT_PADDED = "s1_v2_train_textpad"
AS_THERE = PaddingRules(counted=True, start_hidden=True)
"""What the stage's parameters text_padding and token_padding give as `original`."""


def _limit(case):
    """How many tokens are produced at most: one more than the case's early stop number."""
    return int(re.search(r"early_stop_num=(\d+)", case.facts["call"])[1]) + 1


def _greedy(limit):
    return SamplingOptions(top_k=1, repetition_penalty=1.35, max_tokens=limit)


def _reported(tokens, limit, *, prompted):
    """The counter that the original hands out: one less after a stop by length, nothing without a prompt."""
    if not prompted:
        return 0
    return len(tokens) - 1 if len(tokens) == limit else len(tokens)


@pytest.mark.parametrize("variant", ["s1_v1", "s1_v2", "s1_v3"])
def test_keys_and_order_are_the_official_ones(variant):
    facts = manifest(variant)
    with torch.device("meta"):
        state = Gpt(GptConfig.from_checkpoint(facts["config"])).state_dict()
    made = [(KEY_PREFIX + name, list(tensor.shape)) for name, tensor in state.items()]
    assert made == [(name, shape) for name, (shape, _) in facts["params"].items()]


@pytest.mark.parametrize("name", _DECODING)
def test_decoding(name, gpt_of):
    case = GoldenCase(name)
    gpt = gpt_of(case)
    inputs = {key: torch.from_numpy(value) for key, value in case.inputs.items()}
    prompt = inputs["prompt"][0] if "prompt" in inputs else None
    request = SemanticRequest(phones=inputs["phones"][0], bert=inputs["bert"][0])
    logits = {}
    limit = _limit(case)
    steps = generate_tokens(gpt, request, prompt, _greedy(limit), logits.__setitem__)
    tokens = list(steps)
    problems = case.problems("tokens", tokens)
    reported = _reported(tokens, limit, prompted=prompt is not None)
    problems += case.problems("reported_index", reported)
    if "step_logits" in case.outputs:
        rows = [logits[step].numpy() for step in case.inputs["logit_steps"].tolist()]
        problems += case.problems("step_logits", np.stack(rows))
    if "prefill_logits" in case.outputs:
        problems += case.problems("prefill_logits", logits[0][None].numpy())
    assert problems == []


@pytest.mark.parametrize("name", case_names("s1_v2_batch"))
def test_batched_decoding(name, gpt_of):
    case = GoldenCase(name)
    gpt = gpt_of(case)
    inputs = {key: torch.from_numpy(value) for key, value in case.inputs.items()}
    count = sum(key.startswith("phones") for key in inputs)
    requests = [
        SemanticRequest(phones=inputs[f"phones{row}"], bert=inputs[f"bert{row}"]) for row in range(count)
    ]
    limit = _limit(case)
    made = generate_batch(gpt, requests, inputs["prompt"][0], _greedy(limit))
    problems = []
    for row, generation in enumerate(made):
        # The original drops the last token of a row that its length stopped; ours keeps it.
        tokens = generation.tokens if generation.ended else generation.tokens[:-1]
        problems += case.problems(f"tokens{row}", tokens)
        alone = tuple(generate_tokens(gpt, requests[row], inputs["prompt"][0], _greedy(limit)))
        assert alone == generation.tokens
    problems += case.problems(
        "reported_index", [len(g.tokens) if g.ended else len(g.tokens) - 1 for g in made]
    )
    assert problems == []


def _loss(gpt, case, padding=AS_THERE):
    inputs = {key: torch.from_numpy(value) for key, value in case.inputs.items()}
    rejected = None
    if "reject_semantic" in inputs:
        rejected = RejectedSequences(semantic=inputs["reject_semantic"], lengths=inputs["reject_len"])
    return gpt.loss(
        inputs["phones"],
        inputs["phones_len"],
        inputs["semantic"],
        inputs["semantic_len"],
        inputs["bert"],
        rejected,
        padding,
    )


@pytest.mark.parametrize("name", [*_TRAINING, _LEFT_PADDED])
def test_training_loss_and_gradients(name, gpt_of):
    case = GoldenCase(name)
    gpt = gpt_of(case)
    result = _loss(gpt, case)
    gpt.zero_grad()
    result.loss.backward()
    parameters = dict(gpt.named_parameters())
    norms = [parameters[key].grad.norm().item() for key in case.facts["grad_names"]]
    gpt.zero_grad()
    problems = case.problems("loss", result.loss.detach().numpy())
    problems += case.problems("accuracy", result.accuracy.numpy())
    problems += case.problems("grad_norms", norms)
    if "logp_chosen" in case.outputs:
        problems += case.problems("logp_chosen", result.chosen_log_probability.detach().numpy())
        problems += case.problems("logp_rejected", result.rejected_log_probability.detach().numpy())
    assert problems == []


def test_a_padded_text_is_trained_as_if_it_stood_alone(gpt_of):
    """The original hides the wrong end of shorter texts, and learns from padded places.

    Ours hides the padding: a short clip in a batch has the loss that it has by itself, whatever
    stands in the padding, and so the batch's loss is not the original's.
    """
    case = GoldenCase(_LEFT_PADDED)
    assert case.facts["informative_only"]
    gpt = gpt_of(case)
    inputs = {key: torch.from_numpy(value) for key, value in case.inputs.items()}
    lengths = inputs["phones_len"]
    assert lengths.min() < lengths.max()
    with torch.no_grad():
        together = _loss(gpt, case, PaddingRules())
        alone = [
            gpt.loss(
                inputs["phones"][row : row + 1, :count],
                lengths[row : row + 1],
                inputs["semantic"][row : row + 1, :tokens],
                inputs["semantic_len"][row : row + 1],
                inputs["bert"][row : row + 1, :, :count],
            ).loss
            for row, (count, tokens) in enumerate(
                zip(lengths.tolist(), inputs["semantic_len"].tolist(), strict=True)
            )
        ]
    torch.testing.assert_close(together.loss, torch.stack(alone).sum(), rtol=1e-5, atol=1e-3)
    assert case.problems("loss", together.loss.numpy())
