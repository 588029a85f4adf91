"""Token probabilities against the golden case."""

import numpy as np
import torch

from engine.infer.options import SamplingOptions
from engine.infer.sampling import discourage_repetition, token_probabilities
from tests.parity.kit.cases import GoldenCase


def test_probabilities_are_the_golden_ones():
    case = GoldenCase("sampling")
    logits = torch.from_numpy(case.inputs["logits"][0])
    previous = torch.from_numpy(case.inputs["previous"][0])
    rows = []
    for top_k, top_p, temperature, penalty in case.inputs["params"].tolist():
        options = SamplingOptions(top_k=int(top_k), top_p=top_p, temperature=temperature)
        rows.append(token_probabilities(discourage_repetition(logits, previous, penalty), options).numpy())
    assert case.problems("probs", np.stack(rows)) == []
