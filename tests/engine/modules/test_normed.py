"""Convolutions with weight norm."""

import pytest
import torch
from torch import nn

from engine.modules.normed import NormedConv1d, NormedConv2d, NormedUpsample1d, fuse_weight_norm

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


@pytest.mark.parametrize(("stride", "padding"), [(1, 2), (3, 2), (3, 0)])
@pytest.mark.parametrize("learns_from", [True, False], ids=["hidden", "first"])
def test_a_wide_layer_learns_what_the_plain_convolution_would(stride, padding, learns_from):
    torch.manual_seed(0)
    layer = NormedConv2d(128, 6, (5, 1), stride=(stride, 1), padding=(padding, 0))
    x = torch.randn(2, 128, 17, 3, requires_grad=learns_from)
    weight = layer.weight_g * layer.weight_v / layer.weight_v.square().sum((1, 2, 3), keepdim=True).sqrt()
    plain = torch.nn.functional.conv2d(x, weight, layer.bias, (stride, 1), (padding, 0))
    wanted = [layer.weight_g, layer.weight_v, layer.bias, *([x] if learns_from else [])]
    towards = torch.randn_like(plain)
    expected = torch.autograd.grad(plain, wanted, towards)
    made = layer(x)
    assert torch.allclose(made, plain, atol=1e-5)
    assert type(made.grad_fn).__name__ == "_ColumnsBackward"
    for found, true in zip(torch.autograd.grad(made, wanted, towards), expected, strict=True):
        assert torch.allclose(found, true, atol=1e-4, rtol=1e-4)
