"""Where and how exactly is computed."""

import pytest
import torch

from engine.protocol.stages.training import TrainingPrecision
from engine.train.device import exact, gradient_norm, mixed, mixed_precision

CPU = torch.device("cpu")


def test_precision():
    assert not mixed_precision(CPU, TrainingPrecision.AUTO)
    assert not mixed_precision(CPU, TrainingPrecision.FLOAT32)
    assert mixed_precision(CPU, TrainingPrecision.BF16)
    matrix = torch.ones(2, 2)
    with mixed(CPU, enabled=True):
        assert (matrix @ matrix).dtype is torch.bfloat16
        with exact(CPU):
            assert (matrix @ matrix).dtype is torch.float32
    with mixed(CPU, enabled=False):
        assert (matrix @ matrix).dtype is torch.float32


def test_gradient_norm():
    tensors = [torch.zeros(2, requires_grad=True), torch.zeros(1, requires_grad=True), torch.zeros(1)]
    assert gradient_norm(tensors) == 0.0
    tensors[0].grad, tensors[1].grad = torch.tensor([3.0, 0.0]), torch.tensor([4.0])
    assert gradient_norm(tensors) == pytest.approx(5.0)
