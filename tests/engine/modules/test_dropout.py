"""Dropout with cheap random numbers."""

import pytest
import torch

from engine.modules.dropout import Dropout, dropout


def test_the_share_is_zero_and_the_rest_larger():
    torch.manual_seed(0)
    made = dropout(torch.ones(1001, 333), 0.1, training=True)
    assert float((made == 0).float().mean()) == pytest.approx(0.1, abs=0.002)
    assert made[made != 0].unique().tolist() == pytest.approx([1 / 0.9])


def test_the_gradient_flows_where_values_stayed():
    values = torch.ones(7, 5, requires_grad=True)
    made = dropout(values, 0.5, training=True)
    made.sum().backward()
    assert torch.equal(values.grad, made.detach())


def test_a_seed_fixes_it_and_speaking_is_untouched():
    layer, values = Dropout(0.3), torch.randn(3, 4, 5)
    torch.manual_seed(7)
    first = layer(values)
    torch.manual_seed(7)
    assert torch.equal(layer(values), first)
    assert not torch.equal(layer(values), first)
    assert layer.eval()(values) is values
