"""ScaledAdam moves large tensors piece by piece."""

import pytest
import torch

from engine.train import scaled_adam
from engine.train.scaled_adam import ScaledAdam, ScaledAdamOptions


def _moved(shape: tuple[int, ...], piece: int, monkeypatch: pytest.MonkeyPatch) -> torch.Tensor:
    """Where a tensor is after six steps, of which one changes its size."""
    monkeypatch.setattr(scaled_adam, "_PIECE", piece)
    chance = torch.Generator().manual_seed(3)
    tensor = torch.randn(shape, generator=chance).requires_grad_()
    optimiser = ScaledAdam([tensor], ScaledAdamOptions())
    for _ in range(6):
        tensor.grad = torch.randn(shape, generator=chance)
        optimiser.step()
    return tensor.detach()


@pytest.mark.parametrize("shape", [(7, 5), (40,), (3, 2, 4), (2, 30)])
def test_pieces_move_as_the_whole_does(shape, monkeypatch):
    whole = _moved(shape, 1000, monkeypatch)
    assert not torch.equal(whole, torch.randn(shape, generator=torch.Generator().manual_seed(3)))
    torch.testing.assert_close(_moved(shape, 10, monkeypatch), whole, rtol=1e-6, atol=1e-7)
