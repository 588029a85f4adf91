"""Convolutions by columns are the plain ones."""

import pytest
import torch
from torch import nn

from engine.modules.columns import convolved
from engine.modules.normed import NormedConv1d, NormedConv2d

_LAYERS = {
    "folded": (lambda: NormedConv2d(130, 70, (5, 1), stride=(3, 1), padding=(2, 0)), (2, 130, 17, 3)),
    "folded-dense": (lambda: NormedConv2d(130, 70, (5, 1), padding=(2, 0)), (3, 130, 9, 2)),
    "folded-narrow": (lambda: NormedConv2d(32, 40, (5, 1), stride=(3, 1), padding=(2, 0)), (2, 32, 20, 2)),
    "unpadded": (lambda: NormedConv2d(130, 70, (5, 1), stride=(3, 1)), (2, 130, 17, 3)),
    "dilated": (lambda: NormedConv1d(192, 200, 3, dilation=3, padding=3), (2, 192, 13)),
    "point": (lambda: NormedConv1d(192, 200, 1), (2, 192, 5)),
    "widest": (lambda: NormedConv1d(520, 512, 5, padding=2), (2, 520, 7)),
}


@pytest.mark.parametrize("name", _LAYERS)
@pytest.mark.parametrize("needed", ["all", "input", "weights"])
def test_a_layer_learns_what_the_plain_convolution_would(name: str, needed: str):
    torch.manual_seed(0)
    make, shape = _LAYERS[name]
    layer, x = make(), torch.randn(shape, requires_grad=needed != "weights")
    layer.requires_grad_(requires_grad=needed != "input")
    made = layer(x)
    names = [type(step[0]).__name__ for step in ((made.grad_fn, 0), *made.grad_fn.next_functions)]
    assert "_ColumnsBackward" in names
    weight = layer.weight_g * layer.weight_v / layer.weight_v.flatten(1).norm(dim=1).view_as(layer.weight_g)
    plain = layer._conv_forward(x, weight, layer.bias)
    torch.testing.assert_close(made, plain, atol=1e-5, rtol=1e-4)
    wanted = [tensor for tensor in (x, *layer.parameters()) if tensor.requires_grad]
    towards = torch.randn_like(plain)
    expected = torch.autograd.grad(plain, wanted, towards)
    for found, true in zip(torch.autograd.grad(made, wanted, towards), expected, strict=True):
        torch.testing.assert_close(found, true, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "length"),
    [(41, 4, 20, 120), (41, 4, 20, 83), (7, 3, 0, 31), (4, 4, 2, 18)],
)
def test_a_strided_layer_of_groups_learns_what_the_plain_convolution_would(kernel, stride, padding, length):
    torch.manual_seed(0)
    layer = NormedConv1d(6, 48, kernel, stride=stride, padding=padding, groups=3)
    x = torch.randn(2, 6, length, requires_grad=True)
    weight = layer.weight_v / layer.weight_v.flatten(1).norm(dim=1)[:, None, None] * layer.weight_g
    assert convolved(layer, x, weight) is not None
    made, plain = layer(x), layer._conv_forward(x, weight, layer.bias)
    torch.testing.assert_close(made, plain, atol=1e-5, rtol=1e-4)
    towards = torch.randn_like(plain)
    wanted = [x, *layer.parameters()]
    expected = torch.autograd.grad(plain, wanted, towards)
    for found, true in zip(torch.autograd.grad(made, wanted, towards), expected, strict=True):
        torch.testing.assert_close(found, true, atol=1e-4, rtol=1e-4)


def test_what_comes_out_may_be_changed_in_place():
    torch.manual_seed(0)
    layer, x = NormedConv1d(512, 512, 5, padding=2), torch.randn(2, 512, 9, requires_grad=True)
    plain = nn.functional.leaky_relu(layer(x), 0.1)
    made = nn.functional.leaky_relu(layer(x), 0.1, inplace=True)
    (expected,) = torch.autograd.grad(plain.square().sum(), x)
    (found,) = torch.autograd.grad(made.square().sum(), x)
    assert torch.equal(found, expected)


def test_a_wide_layer_that_learns_is_done_by_columns():
    layer = NormedConv1d(200, 200, 3, padding=1)
    assert convolved(layer, torch.randn(2, 200, 9), torch.randn_like(layer.weight_v)) is not None


@pytest.mark.parametrize("why", ["speaks", "double", "autocast", "groups", "narrow"])
def test_elsewhere_the_plain_convolution_is_left_to_do_it(why: str):
    layer = NormedConv1d(
        200, 100 if why == "narrow" else 200, 3, padding=1, groups=2 if why == "groups" else 1
    )
    layer.train(why != "speaks")
    x, weight = torch.randn(2, 200, 9), torch.randn_like(layer.weight_v)
    if why == "double":
        x, weight = x.double(), weight.double()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=why == "autocast"):
        assert convolved(layer, x, weight) is None
