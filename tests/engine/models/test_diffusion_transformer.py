import torch

from engine.models.diffusion_transformer import DiffusionTransformer, TransformerSizes
from tests.engine.models.tiny_flow import SIZES


def _network():
    torch.manual_seed(0)
    return DiffusionTransformer(SIZES).eval()


def _inputs(rows=2, frames=15):
    source = torch.Generator().manual_seed(5)
    x = torch.randn(rows, SIZES.bands, frames, generator=source)
    condition = torch.randn(rows, SIZES.condition_channels, frames, generator=source)
    return x, torch.zeros_like(x), condition, torch.rand(rows, generator=source), torch.zeros(rows)


@torch.no_grad()
def test_every_input_is_heeded():
    network, (x, prompt, condition, times, steps) = _network(), _inputs()
    made = network(x, prompt, network.read_condition(condition), times, steps)
    assert made.shape == x.shape
    read = network.read_condition(condition)
    others = [
        network(x + 1, prompt, read, times, steps),
        network(x, prompt + 1, read, times, steps),
        network(x, prompt, network.read_condition(condition + 1), times, steps),
        network(x, prompt, read, times / 2, steps),
        network(x, prompt, read, times, steps + 0.25),
    ]
    assert not any(torch.allclose(made, other, atol=1e-4) for other in others)


@torch.no_grad()
def test_attention_does_not_see_beyond_a_row_s_end():
    network, (x, prompt, condition, times, steps) = _network(), _inputs()
    read = network.read_condition(condition)
    lengths = torch.tensor([15, 6])
    made = network(x, prompt, read, times, steps, lengths)
    changed = x.clone()
    changed[1, :, 14] += 5
    again = network(changed, prompt, read, times, steps, lengths)
    near = SIZES.position_kernel // 2 * 2  # the convolutions before the transformer are not masked
    torch.testing.assert_close(made[1, :, : 14 - near], again[1, :, : 14 - near])
    unmasked = network(changed, prompt, read, times, steps)
    assert not torch.allclose(unmasked[1, :, :8], network(x, prompt, read, times, steps)[1, :, :8])


def test_saving_memory_changes_nothing_that_is_learnt():
    network, given = _network(), _inputs()
    gradients = []
    for saves in (False, True):
        network.saves_memory = saves
        network.zero_grad()
        x, prompt, condition, times, steps = given
        network(x, prompt, network.read_condition(condition), times, steps).square().sum().backward()
        gradients.append([tensor.grad.clone() for tensor in network.parameters()])
    for plain, saved in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, saved)


def test_shapes_tell_the_sizes():
    weights = {f"cfm.{name}": tensor for name, tensor in _network().state_dict().items()}
    assert TransformerSizes.of_weights(weights, "cfm.") == SIZES
