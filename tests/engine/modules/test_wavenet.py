"""Gated layers."""

import torch

from engine.modules.wavenet import GatedStack


def test_style_and_mask_are_heeded():
    torch.manual_seed(0)
    stack = GatedStack(4, layers=3, kernel=5, style_channels=6)
    x, style, mask = torch.randn(1, 4, 9), torch.randn(1, 6, 1), torch.ones(1, 1, 9)
    mask[..., 7:] = 0
    out = stack(x * mask, mask, style)
    assert out.shape == x.shape
    assert (out[..., 7:] == 0).all()
    assert torch.allclose(out[..., :7], stack(x[..., :7], mask[..., :7], style), atol=1e-6)
    assert not torch.allclose(out, stack(x * mask, mask, 2 * style))


def test_the_last_layer_has_a_side_output_only():
    shapes = [
        layer.weight_v.shape[0]
        for layer in GatedStack(4, layers=3, kernel=3, style_channels=2).res_skip_layers
    ]
    assert shapes == [8, 8, 4]
