import torch

from engine.modules.rotary import RotaryPositions, rotate_first


def test_neighbouring_pairs_turn_and_the_rest_stays():
    turns = RotaryPositions(4)(3)
    x = torch.randn(2, 3, 7)
    made = rotate_first(x, turns)
    torch.testing.assert_close(made[..., 4:], x[..., 4:])
    torch.testing.assert_close(made[:, 0], x[:, 0])
    speeds = torch.tensor([1.0, 0.01])
    pairs = torch.view_as_complex(x[..., :4].unflatten(2, (2, 2)).contiguous())
    turned = pairs * torch.polar(torch.ones(2), 2 * speeds)
    torch.testing.assert_close(made[:, 2, :4], torch.view_as_real(turned)[:, 2].flatten(1))


def test_half_precision_leaves_the_speeds_alone():
    positions = RotaryPositions(8)
    wanted = positions.inv_freq.clone()
    assert torch.equal(positions.to(torch.bfloat16).inv_freq, wanted)
    assert positions.half().inv_freq.dtype is torch.float32
    assert torch.equal(positions(5)[0], RotaryPositions(8)(5)[0])


def test_a_product_hangs_on_the_distance_only():
    turns = RotaryPositions(6)(9)
    query, key = torch.randn(1, 1, 6).expand(1, 9, 6), torch.randn(1, 1, 6).expand(1, 9, 6)
    products = (rotate_first(query, turns) @ rotate_first(key, turns).transpose(1, 2))[0]
    torch.testing.assert_close(products[2, 5], products[4, 7], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(products[2, 5], products[2, 6])
