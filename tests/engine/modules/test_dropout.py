"""Dropout with cheap random numbers."""

import pytest
import torch

from engine.modules.dropout import Dropout, dropout


def test_the_share_is_zero_and_the_rest_larger():
    torch.manual_seed(0)
    many = [dropout(torch.ones(101, 333), 0.1, training=True) for _ in range(100)]
    shares = [float((made == 0).float().mean()) for made in many]
    assert sum(shares) / len(shares) == pytest.approx(0.1, abs=0.001)
    assert min(shares) > 0.09
    assert max(shares) < 0.11
    assert many[0][many[0] != 0].unique().tolist() == pytest.approx([1 / 0.9])


def test_the_gradient_flows_where_values_stayed():
    values = torch.ones(7, 5, requires_grad=True)
    made = dropout(values, 0.5, training=True)
    made.sum().backward()
    assert torch.equal(values.grad, made.detach())


@pytest.mark.parametrize("share", [0.001, 0.999])
def test_even_a_share_near_an_end_keeps_its_side(share: float):
    made = dropout(torch.ones(101, 333), share, training=True)
    assert float((made == 0).float().mean()) == pytest.approx(share, abs=0.006)


def test_a_seed_fixes_it_and_speaking_is_untouched():
    layer, values = Dropout(0.3), torch.randn(3, 4, 5)
    torch.manual_seed(7)
    first = layer(values)
    torch.manual_seed(7)
    assert torch.equal(layer(values), first)
    assert not torch.equal(layer(values), first)
    assert layer.eval()(values) is values
