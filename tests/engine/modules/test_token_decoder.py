"""The token decoder's layers: positions and the cache."""

import pytest
import torch
from torch.nn import functional

from engine.modules.dropout import kept
from engine.modules.token_decoder import (
    GROWTH_POSITIONS,
    DecoderStack,
    FusedAttention,
    KeyValueCache,
    sinusoid,
)


def test_positions_are_interleaved_sines_and_cosines():
    table = sinusoid(torch.tensor([0, 3]), 4)
    assert table[0].tolist() == [0, 1, 0, 1]
    slow = 10000 ** (-2 / 4)
    angles = torch.tensor([3.0, 3.0, 3 * slow, 3 * slow])
    expected = torch.stack([angles[0].sin(), angles[1].cos(), angles[2].sin(), angles[3].cos()])
    torch.testing.assert_close(table[1], expected)


def test_a_cache_keeps_what_it_has_when_it_grows():
    cache = KeyValueCache(layers=1)
    keys = torch.randn(2, 3, GROWTH_POSITIONS + 5, 4)
    cache.append(0, keys[:, :, :2], -keys[:, :, :2])
    cache.advance(2)
    for place in range(2, keys.shape[2]):
        here = slice(place, place + 1)
        got = cache.append(0, keys[:, :, here], -keys[:, :, here])
        cache.advance(1)
    assert torch.equal(got[0], keys)
    assert torch.equal(got[1], -keys)
    cache.select(torch.tensor([1]))
    row, _ = cache.append(0, torch.zeros(1, 3, 1, 4), torch.zeros(1, 3, 1, 4))
    assert torch.equal(row[:, :, :-1], keys[1:])


@torch.no_grad()
def test_what_is_masked_has_no_influence():
    torch.manual_seed(0)
    stack = DecoderStack(2, 8, 2, dropout=0.0).eval()
    x = torch.randn(1, 4, 8)
    mask = torch.tensor([True, True, True, False])[None, None, None]
    other = x.clone()
    other[:, 3] = 9.0
    torch.testing.assert_close(stack(x, mask)[:, :3], stack(other, mask)[:, :3])
    assert not torch.allclose(stack(x, None)[:, :3], stack(other, None)[:, :3])


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_attention_that_learns_is_the_plain_one_with_the_same_dropout(masked: bool, dtype: torch.dtype):
    torch.manual_seed(0)
    layer, share = FusedAttention(24, 3, dropout=0.25).train(), 0.25
    x = torch.randn(2, 7, 24, requires_grad=True)
    mask = torch.ones(7, 7, dtype=torch.bool).tril().repeat(2, 1, 1)[:, None] if masked else None
    wanted = torch.randn(2, 7, 24)

    torch.manual_seed(1)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype is torch.bfloat16):
        got = layer(x, mask)
    (got * wanted).sum().backward()
    gradients = [x.grad, layer.in_proj_weight.grad, layer.out_proj.weight.grad]
    x.grad = None
    layer.zero_grad()

    projected = functional.linear(x, layer.in_proj_weight, layer.in_proj_bias)
    queries, keys, values = (part.view(2, 7, 3, 8).transpose(1, 2) for part in projected.chunk(3, dim=-1))
    logits = queries @ keys.transpose(2, 3) / 8**0.5
    weights = (logits if mask is None else logits.masked_fill(~mask, -torch.inf)).softmax(dim=-1)
    torch.manual_seed(1)
    weights = weights * kept(weights, share) / (1 - share)
    plain = layer.out_proj((weights @ values).transpose(1, 2).flatten(2))
    (plain * wanted).sum().backward()
    near = {"atol": 0.05, "rtol": 0.05} if dtype is torch.bfloat16 else {"atol": 1e-5, "rtol": 1e-5}
    torch.testing.assert_close(got.float(), plain, **near)
    expected = [x.grad, layer.in_proj_weight.grad, layer.out_proj.weight.grad]
    for one, other in zip(gradients, expected, strict=True):
        torch.testing.assert_close(one, other, **near)
