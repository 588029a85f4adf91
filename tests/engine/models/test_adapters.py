import pytest
import torch
from torch import nn

from engine.models.adapters import AdaptedLinear, adapter_weights, add_adapters, merged, take_apart


class _Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.to_q, self.to_k, self.to_v = (nn.Linear(6, 4) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(4, 6)])
        self.other = nn.Linear(6, 4)


class _Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.cfm = nn.ModuleDict({"estimator": nn.ModuleDict({"attn": _Attention()})})


@pytest.fixture
def network():
    torch.manual_seed(0)
    return _Network()


def test_an_adapter_changes_nothing_at_first_and_only_it_learns(network):
    attention = network.cfm["estimator"]["attn"]
    x = torch.randn(2, 6)
    before = attention.to_q(x)
    add_adapters(network.cfm, 2)
    torch.testing.assert_close(attention.to_q(x), before)
    learning = {name for name, tensor in network.named_parameters() if tensor.requires_grad}
    layers = ("to_q", "to_k", "to_v", "to_out.0")
    assert learning == {f"cfm.estimator.attn.{layer}.lora_{part}" for layer in layers for part in "AB"}
    attention.to_q(x).sum().backward()
    assert attention.to_q.lora_B.grad.abs().sum() > 0
    assert isinstance(attention.to_out[0], AdaptedLinear)


def test_the_first_numbers_follow_the_generator(network):
    other = _Network()
    for one in (network, other):
        add_adapters(one.cfm, 3, torch.Generator().manual_seed(9))
    first, second = (dict(adapter_weights(one)) for one in (network, other))
    assert list(first) == list(second)
    assert all(torch.equal(first[name], second[name]) for name in first)
    down = first["cfm.base_model.model.estimator.attn.to_q.lora_A.default.weight"]
    assert 0.2 < down.abs().max() <= 6**-0.5  # uniform, as wide as the layer's inputs allow


def test_a_merged_layer_computes_what_the_adapted_one_does(network):
    base = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    add_adapters(network.cfm, 2)
    attention = network.cfm["estimator"]["attn"]
    nn.init.normal_(attention.to_v.lora_B)
    stored = {name: tensor.detach() for name, tensor in adapter_weights(network)}
    whole = _Network()
    whole.load_state_dict(merged(base, stored))
    x = torch.randn(2, 6)
    torch.testing.assert_close(whole.cfm["estimator"]["attn"].to_v(x), attention.to_v(x))
    torch.testing.assert_close(whole.cfm["estimator"]["attn"].to_q(x), attention.to_q(x))


def test_other_tensors_replace_those_of_the_base(network):
    base = dict(network.state_dict())
    new = torch.ones(4, 6)
    adapters, others = take_apart(
        {"cfm.base_model.model.estimator.attn.other.weight": new, "bridge.0.bias": new}
    )
    assert not adapters
    assert set(others) == {"cfm.estimator.attn.other.weight", "bridge.0.bias"}
    whole = merged(base, {"cfm.base_model.model.estimator.attn.other.weight": new})
    assert torch.equal(whole["cfm.estimator.attn.other.weight"], new)


def test_what_does_not_fit_is_told(network):
    base = network.state_dict()
    stem = "cfm.base_model.model.estimator.attn.to_q"
    down, up = f"{stem}.lora_A.default.weight", f"{stem}.lora_B.default.weight"
    with pytest.raises(KeyError):
        merged(base, {down: torch.zeros(2, 6)})
    with pytest.raises(ValueError, match="another size"):
        merged(base, {down: torch.zeros(2, 5), up: torch.zeros(4, 2)})
    with pytest.raises(KeyError):
        merged({}, {down: torch.zeros(2, 6), up: torch.zeros(4, 2)})
