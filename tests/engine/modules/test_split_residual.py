"""Blocks of the speaker encoder."""

import pytest
import torch

from engine.modules.split_residual import AttentiveFusion, SplitResidualBlock


@pytest.mark.parametrize("fusion", [False, True])
@pytest.mark.parametrize(("stride", "height"), [(1, 9), (2, 5)])
def test_a_block_gives_four_times_its_planes_within_limits(stride, height, fusion):
    block = SplitResidualBlock(8, 16, stride=stride, fusion=fusion).eval()
    made = block(50 * torch.randn(2, 8, 9, 7))
    assert made.shape == (2, 64, height, 7 if stride == 1 else 4)
    assert made.min() >= 0
    assert made.max() <= 20


def test_a_block_of_the_same_shape_has_no_layer_in_its_shortcut():
    assert len(SplitResidualBlock(64, 16, stride=1, fusion=False).shortcut) == 0
    assert len(SplitResidualBlock(64, 16, stride=2, fusion=False).shortcut) == 2


def test_a_later_split_hears_the_earlier_ones_only():
    block = SplitResidualBlock(8, 16, stride=1, fusion=False).eval()
    heard = []
    for convolution in block.convs:
        convolution.register_forward_hook(lambda _module, _given, made: heard.append(made))
    wide = torch.randn(1, 8, 4, 4)
    block(wide)
    first = list(heard)
    heard.clear()
    with torch.no_grad():
        width = block.convs[0].weight.shape[0]
        block.bn1.bias[2 * width :] += 1  # the third and fourth split change
    block(wide)
    same = [torch.equal(before, after) for before, after in zip(first, heard, strict=True)]
    assert same == [True, True, False, False]


def test_fusion_of_a_map_with_itself_is_twice_the_map():
    fusion = AttentiveFusion(8).eval()
    x = torch.randn(1, 8, 3, 3)
    assert torch.allclose(fusion(x, x), 2 * x, atol=1e-6)
    assert not torch.allclose(fusion(x, -x), torch.zeros_like(x), atol=1e-3)
