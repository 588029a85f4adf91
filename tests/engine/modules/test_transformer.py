"""Attention with relative positions."""

import pytest
import torch

from engine.modules.transformer import Attention, ChannelNorm, RelativeEncoder


def _by_hand(layer, x):
    """Relative attention of one row, written as its definition says."""
    width = x.shape[1] // layer.heads
    query, key, value = layer.conv_q(x)[0], layer.conv_k(x)[0], layer.conv_v(x)[0]
    steps = x.shape[2]
    out = torch.zeros_like(query)
    for head in range(layer.heads):
        rows = slice(head * width, (head + 1) * width)
        logits = torch.zeros(steps, steps)
        for i in range(steps):
            for j in range(steps):
                known = key[rows, j].clone()
                if abs(j - i) <= layer.window:
                    known += layer.emb_rel_k[0, j - i + layer.window]
                logits[i, j] = query[rows, i] @ known / width**0.5
        weights = logits.softmax(dim=1)
        for i in range(steps):
            for j in range(steps):
                spoken = value[rows, j].clone()
                if abs(j - i) <= layer.window:
                    spoken += layer.emb_rel_v[0, j - i + layer.window]
                out[rows, i] += weights[i, j] * spoken
    return layer.conv_o(out.unsqueeze(0))


@pytest.mark.parametrize("steps", [1, 3, 9])
def test_relative_attention_is_what_its_definition_says(steps):
    torch.manual_seed(0)
    layer, x = Attention(8, 2, window=2), torch.randn(1, 8, steps)
    with torch.no_grad():
        assert torch.allclose(layer(x, x, torch.ones(1, 1, steps)), _by_hand(layer, x), atol=1e-5)


def test_masked_positions_are_not_asked():
    torch.manual_seed(0)
    layer = Attention(8, 2)
    asking, answering = torch.randn(1, 8, 4), torch.randn(1, 8, 6)
    mask = torch.tensor([[[1.0, 1, 1, 1, 0, 0]]])
    assert torch.allclose(layer(asking, answering, mask), layer(asking, answering[..., :4], mask[..., :4]))


def test_padding_does_not_change_an_encoded_row():
    torch.manual_seed(0)
    encoder = RelativeEncoder(channels=8, inner=12, heads=2, layers=3, kernel=3, window=4, dropout=0.5).eval()
    x, mask = torch.randn(1, 8, 9), torch.ones(1, 1, 9)
    mask[..., 6:] = 0
    padded = encoder(x, mask)
    assert (padded[..., 6:] == 0).all()
    assert torch.allclose(padded[..., :6], encoder(x[..., :6], mask[..., :6]), atol=1e-5)


def test_norm_is_over_channels():
    rows = ChannelNorm(6)(torch.randn(2, 6, 5) * 3 + 1)
    assert torch.allclose(rows.mean(dim=1), torch.zeros(2, 5), atol=1e-5)
    assert torch.allclose(rows.std(dim=1, unbiased=False), torch.ones(2, 5), atol=1e-3)
