"""Chooses the next token.

Shapes: V token rows, n tokens so far.  All of it runs in float32 on the CPU, so that a seed
gives the same speech on every device.

Source: SPEC section 2 of the parity kit; parity: tests/parity/test_sampling.py.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.infer.options import SamplingOptions


def discourage_repetition(logits: Tensor, previous: Tensor, penalty: float) -> Tensor:
    """Logits with every token already used made less likely, once however often it was used.

    Args:
        logits: (V,).
        previous: (n,) ids.
        penalty: above 1 discourages.

    Returns:
        (V,).
    """
    used = logits[previous]
    return logits.index_copy(0, previous, torch.where(used < 0, used * penalty, used / penalty))


def token_probabilities(penalised: Tensor, options: SamplingOptions) -> Tensor:
    """Probabilities to draw from: nucleus, temperature, then the k likeliest.

    Args:
        penalised: (V,) logits after the repetition penalty.
        options: the limits.

    Returns:
        (V,) that sum to 1; 0 where a token is out of the question.
    """
    logits = penalised
    if options.top_p < 1:
        likely, order = logits.softmax(-1).sort(descending=True)
        beyond = likely.cumsum(-1) > options.top_p
        beyond[0] = False
        logits = logits.index_fill(0, order[beyond], -torch.inf)
    logits = logits / max(options.temperature, 1e-5)
    smallest = logits.topk(min(options.top_k, logits.numel())).values[-1]
    return logits.masked_fill(logits < smallest, -torch.inf).softmax(-1)


def draw(probabilities: Tensor, generator: torch.Generator | None) -> int:
    """One token, by a race of exponential times: the earliest wins with its probability.

    Args:
        probabilities: (V,).
        generator: source of chance, on the CPU.
    """
    times = torch.empty_like(probabilities).exponential_(1.0, generator=generator)
    return int((probabilities / times).argmax())
