"""Where and how exactly is computed."""

import pytest
import torch

from engine.protocol.errors import BadParameters
from engine.protocol.stages.training import TrainingPrecision
from engine.train.device import choose_device, exact, gradient_norm, mixed, mixed_precision

CPU = torch.device("cpu")


def test_devices():
    assert choose_device("cpu") == CPU
    assert choose_device("auto").type in ("cpu", "cuda")


@pytest.mark.parametrize("name", ["toaster", "cuda:99", "cpu:x"])
def test_a_device_that_is_not_there(name):
    with pytest.raises(BadParameters) as caught:
        choose_device(name)
    assert name in caught.value.message


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
