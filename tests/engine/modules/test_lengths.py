"""Masks and slices."""

import torch

from engine.modules.lengths import draw_starts, length_mask, take_segments


def test_a_mask_is_one_where_there_is_content():
    assert length_mask(torch.tensor([2, 0, 3]), 3).tolist() == [[[1, 1, 0]], [[0, 0, 0]], [[1, 1, 1]]]


def test_segments_begin_where_they_are_told():
    values = torch.arange(12).view(2, 1, 6)
    assert take_segments(values, torch.tensor([1, 3]), 3).tolist() == [[[1, 2, 3]], [[9, 10, 11]]]


def test_drawn_segments_stay_inside_and_reach_both_ends():
    lengths = torch.tensor([7] * 200 + [4] * 10 + [2] * 10)
    starts = draw_starts(lengths, 4, torch.Generator().manual_seed(0))
    assert set(starts[:200].tolist()) == {0, 1, 2, 3}
    assert starts[200:].tolist() == [0] * 20
    assert torch.equal(starts, draw_starts(lengths, 4, torch.Generator().manual_seed(0)))
