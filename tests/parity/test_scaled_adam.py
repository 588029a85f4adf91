"""ScaledAdam follows the reference's trajectory."""

import numpy as np
import pytest
import torch

from engine.train.scaled_adam import ScaledAdam, ScaledAdamOptions
from tests.parity.kit.cases import GoldenCase

NAMES = ("a", "b", "c", "d")


def follow(case, start, steps):
    """Positions after each of the first steps."""
    tensors = {name: torch.from_numpy(start[name].copy()).requires_grad_() for name in NAMES}
    optimiser = ScaledAdam(tensors.values(), ScaledAdamOptions(clipping_period=4))
    path = {name: [] for name in NAMES}
    for step in range(steps):
        for name, tensor in tensors.items():
            tensor.grad = torch.from_numpy(case.inputs[f"grads.{name}"][step].copy())
        optimiser.step()
        for name, tensor in tensors.items():
            path[name].append(tensor.detach().numpy().copy())
    return {name: np.stack(values) for name, values in path.items()}


def true_start(case):
    """Where the trajectory began.

    The case stores its start after the arrays were moved in place: it is the end of the path. The
    first step depends on the start through its size only, so that a few corrections find it.
    """
    after = {name: case.stored_output(f"after.{name}") for name in NAMES}
    stored = {name: case.inputs[f"start.{name}"] for name in NAMES}
    if not all(np.array_equal(stored[name], after[name][-1]) for name in NAMES):
        return stored
    start = {name: after[name][0] for name in NAMES}
    for _ in range(5):
        first = follow(case, start, 1)
        start = {name: start[name] + after[name][0] - first[name][0] for name in NAMES}
    return start


def test_trajectory():
    case = GoldenCase("scaled_adam")
    path = follow(case, true_start(case), len(case.inputs["grads.a"]))
    assert [fault for name in NAMES for fault in case.problems(f"after.{name}", path[name])] == []


@pytest.mark.parametrize(
    "change",
    [{"size_period": 5}, {"clipping_scale": 50.0}, {"betas": (0.9, 0.951)}, {"scalar_lr_scale": 0.2}],
)
def test_the_case_notices_a_changed_setting(change, monkeypatch):
    case = GoldenCase("scaled_adam")
    start = true_start(case)
    real = ScaledAdamOptions
    monkeypatch.setattr(
        "tests.parity.test_scaled_adam.ScaledAdamOptions", lambda **given: real(**{**given, **change})
    )
    path = follow(case, start, len(case.inputs["grads.a"]))
    assert [fault for name in NAMES for fault in case.problems(f"after.{name}", path[name])]
