"""Putting weights into a network."""

from pathlib import Path

import pytest
import torch
from torch import nn

from engine.models.weights import move_weights, put_weights
from engine.protocol.errors import BadCheckpoint

_PATH = Path("声.pth")


def test_half_precision_becomes_float32_and_is_a_copy():
    with torch.device("meta"):
        layer = nn.Linear(2, 2)
    weights = {"weight": torch.ones(2, 2).half(), "bias": torch.zeros(2)}
    put_weights(layer, weights, _PATH)
    assert layer.weight.dtype == torch.float32
    weights["bias"].fill_(7)
    assert layer.bias.tolist() == [0, 0]
    assert layer.weight.requires_grad


def test_what_does_not_fit_is_named():
    weights = {"weight": torch.ones(3, 2), "more": torch.ones(1)}
    with pytest.raises(BadCheckpoint) as caught:
        put_weights(nn.Linear(2, 2), weights, _PATH)
    words = caught.value.message
    assert "missing: bias" in words
    assert "unknown: more" in words
    assert "weight is (3, 2) instead of (2, 2)" in words
    assert "声.pth" in words


def test_what_may_be_missing_keeps_what_it_has():
    layer = nn.Linear(2, 2)
    before = layer.bias.detach().clone()
    put_weights(layer, {"weight": torch.ones(2, 2)}, _PATH, may_miss="bi")
    assert torch.equal(layer.bias, before)
    assert layer.weight.sum() == 4


def test_weights_that_are_moved_are_not_in_memory_twice():
    with torch.device("meta"):
        network = nn.Linear(3, 4)
    whole = torch.randn(20)
    weights = {"weight": torch.randn(4, 3), "bias": whole[:4]}
    place, bias = weights["weight"].data_ptr(), whole[:4].clone()
    move_weights(network, weights, _PATH)
    assert not weights
    assert network.weight.data_ptr() == place
    assert network.bias.untyped_storage().nbytes() == 16  # of a larger storage only what is needed stays
    assert torch.equal(network.bias, bias)


def test_weights_of_half_precision_that_are_moved_become_float32():
    network = nn.Linear(3, 4)
    weights = {name: value.detach().half() for name, value in network.state_dict().items()}
    move_weights(network, dict(weights), _PATH)
    assert network.weight.dtype == torch.float32
    assert torch.equal(network.weight.half(), weights["weight"])


def test_weights_that_do_not_fit_are_not_moved():
    network = nn.Linear(3, 4)
    weights = {"weight": torch.randn(4, 3)}
    with pytest.raises(BadCheckpoint, match=r"missing: bias"):
        move_weights(network, weights, _PATH)
    assert list(weights) == ["weight"]
