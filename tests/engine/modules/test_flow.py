"""The flow is invertible."""

import torch

from engine.modules.flow import CouplingFlow


def test_the_inverse_gives_back_the_input():
    torch.manual_seed(0)
    flow = CouplingFlow(8, 6, count=3, layers=2, kernel=3, style_channels=5)
    for step in flow.flows[::2]:
        torch.nn.init.normal_(step.post.weight)
    x, style, mask = torch.randn(2, 8, 7), torch.randn(2, 5, 1), torch.ones(2, 1, 7)
    mask[1, :, 4:] = 0
    there = flow(x * mask, mask, style)
    assert not torch.allclose(there, x * mask, atol=0.1)
    assert torch.allclose(flow(there, mask, style, inverse=True), x * mask, atol=1e-4)
    assert not torch.allclose(there, flow(x * mask, mask, -style), atol=0.1)


def test_couplings_have_the_even_places():
    flow = CouplingFlow(4, 4, count=2, layers=1, kernel=3, style_channels=2)
    assert {name.split(".")[1] for name in flow.state_dict()} == {"0", "2"}
