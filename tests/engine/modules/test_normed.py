"""Convolutions with weight norm."""

import pytest
import torch
from torch import nn

from engine.modules.normed import NormedConv1d, NormedConv2d, NormedUpsample1d, fuse_weight_norm, held_weights

_LAYERS = [
    (lambda: NormedConv1d(4, 6, 5, stride=2, groups=2, padding=2), (2, 4, 11)),
    (lambda: NormedConv2d(3, 5, (5, 1), stride=(3, 1), padding=(2, 0)), (2, 3, 9, 2)),
    (lambda: NormedUpsample1d(4, 2, kernel=8, stride=2), (2, 4, 7)),
]


@pytest.mark.parametrize(("make", "shape"), _LAYERS)
def test_a_new_layer_is_its_plain_convolution(make, shape):
    torch.manual_seed(0)
    layer, x = make(), torch.randn(shape)
    assert list(layer.state_dict()) == ["bias", "weight_g", "weight_v"]
    before = layer(x)
    fuse_weight_norm(nn.Sequential(layer))
    assert sorted(layer.state_dict()) == ["bias", "weight"]
    assert torch.allclose(layer(x), before, atol=1e-6)
    layer.fuse()
    assert torch.allclose(layer(x), before, atol=1e-6)


def test_the_length_of_the_direction_does_not_matter():
    torch.manual_seed(0)
    layer, x = NormedConv1d(2, 3, 3, padding=1), torch.randn(1, 2, 5)
    before = layer(x)
    with torch.no_grad():
        layer.weight_v.mul_(7)
        layer.bias.zero_()
        without_bias = layer(x)
        layer.weight_g.mul_(2)
    assert torch.allclose(layer(x), 2 * without_bias, atol=1e-6)
    assert before.shape == (1, 3, 5)


@pytest.mark.parametrize(("kernel", "stride"), [(16, 10), (16, 8), (8, 2), (2, 2)])
def test_upsampling_multiplies_the_length(kernel, stride):
    layer = NormedUpsample1d(2, 1, kernel=kernel, stride=stride)
    assert layer(torch.randn(1, 2, 6)).shape == (1, 1, 6 * stride)


@pytest.mark.parametrize(("make", "shape"), _LAYERS)
def test_a_held_weight_is_the_same_and_let_go_afterwards(make, shape):
    torch.manual_seed(0)
    layer, x = make(), torch.randn(shape, requires_grad=True)
    before = layer(x)
    with held_weights(nn.Sequential(layer)):
        held = layer(x)
        with torch.no_grad():
            layer.weight_g.mul_(2)
        assert torch.equal(layer(x), held)
    (towards,) = torch.autograd.grad(held.sum(), x)
    assert torch.equal(held, before)
    assert torch.equal(towards, torch.autograd.grad(before.sum(), x)[0])
    assert not torch.allclose(layer(x), held)
    assert list(layer.state_dict()) == ["bias", "weight_g", "weight_v"]
