"""The token decoder's layers: positions and the cache."""

import torch

from engine.modules.token_decoder import GROWTH_POSITIONS, DecoderStack, KeyValueCache, sinusoid


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
