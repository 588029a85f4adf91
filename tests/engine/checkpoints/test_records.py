"""Declared tensors: which fit the numbers that are stored for them."""

import pytest
import torch

from engine.checkpoints.records import VALUE_BYTES, Storage, TensorRecord, row_strides

_SIX = Storage("0", "float16", 6)


def test_sizes_are_those_of_pytorch():
    for name, size in VALUE_BYTES.items():
        assert getattr(torch, name).itemsize == size
    assert _SIX.size_bytes == 12


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (4, 1, 5), (2, 0, 3), (1, 2, 3, 4)])
def test_strides_are_those_of_pytorch(shape):
    assert row_strides(shape) == torch.empty(shape).stride()


@pytest.mark.parametrize(
    ("offset", "shape", "stride"),
    [
        (0, (), ()),
        (5, (), ()),
        (0, (6,), (1,)),
        (0, (2, 3), (1, 2)),
        (3, (1, 3), (9, 1)),
        (7, (0, 9), (1, 1)),
    ],
)
def test_what_fits_has_no_fault(offset, shape, stride):
    assert TensorRecord(_SIX, offset, shape, stride).fault() == ""


@pytest.mark.parametrize(
    ("offset", "shape", "stride", "said"),
    [
        (6, (), (), "one value"),
        (0, (7,), (1,), "declared as 7"),
        (1, (6,), (1,), "declared as 6"),
        (0, (2, 3), (4, 1), "2 x 3"),
        (0, (10**6, 10**6), (0, 0), "1000000 x 1000000"),
        (0, (3,), (-1,), "negative"),
        (-1, (), (), "negative"),
        (0, (2,), (), "axes"),
        (0, (1,) * 9, (1,) * 9, "9 axes"),
    ],
)
def test_what_does_not_fit_is_said(offset, shape, stride, said):
    assert said in TensorRecord(_SIX, offset, shape, stride).fault()
