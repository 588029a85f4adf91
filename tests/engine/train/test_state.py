"""Random numbers and figures of a saved state."""

import random

import numpy as np
import torch

from engine.checkpoints.reader import read_state
from engine.checkpoints.writer import write_state
from engine.train.state import Figures, randomness, restore_randomness, seed_everything


def draws():
    return torch.rand(3).tolist(), np.random.rand(3).tolist(), random.random(), random.gauss(0, 1)  # noqa: NPY002


def test_random_numbers_go_on_after_a_file(tmp_path):
    seed_everything(11)
    draws()
    path = write_state(tmp_path / "用户 it's 名" / "state.pt", randomness())
    wanted = [draws(), draws()]
    seed_everything(12)
    assert draws() != wanted[0]
    restore_randomness(read_state(path))
    assert [draws(), draws()] == wanted


def test_a_seed_fixes_every_generator():
    seed_everything(3)
    first = draws()
    seed_everything(3)
    assert draws() == first


def test_figures_keep_the_best_epoch():
    figures = Figures()
    for epoch, values in enumerate(([4.0, 2.0], [1.0, 1.0], [2.0, 2.0]), 1):
        for value in values:
            figures.add(value)
        assert figures.close_epoch(epoch) == sum(values) / 2
    assert (figures.best_loss, figures.best_epoch) == (1.0, 2)
