"""The largest batch that fits, found by steps that are really done."""

import pytest
import torch

from engine.protocol.context import RecordingContext
from engine.protocol.errors import Cancelled, OutOfMemory
from engine.train import trial
from engine.train.trial import largest_batch, most_of
from tests.engine.train.test_rescue import Hungry


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    return made


@pytest.mark.parametrize(("clips", "most"), [(1, 1), (3, 1), (20, 5), (64, 16), (9000, 16)])
def test_an_epoch_keeps_several_steps(clips, most):
    assert most_of(clips) == most


@pytest.mark.parametrize(
    ("fits", "most", "found"), [(99, 8, 8), (5, 12, 3), (4, 16, 4), (1, 8, 1), (99, 1, 1)]
)
def test_a_batch_that_is_too_large_is_halved_until_it_fits(folder, fits, most, found):
    toy, context = Hungry(folder, fits), RecordingContext()
    assert largest_batch(toy, most, context) == found
    assert max(toy.sizes) == max(found, 1 if most == 1 else min(fits, 2))
    assert f"Batches of {found} clips fit" in context.lines[-1][1]


def test_nothing_fits(folder):
    with pytest.raises(OutOfMemory):
        largest_batch(Hungry(folder, 0), 8, RecordingContext())


def test_the_networks_are_as_before(folder):
    toy = Hungry(folder)
    before = {name: tensor.clone() for name, tensor in toy.network.state_dict().items()}
    largest_batch(toy, 8, RecordingContext())
    assert len(toy.sizes) == 4
    assert all(torch.equal(before[name], tensor) for name, tensor in toy.network.state_dict().items())


def test_a_stop_is_heard(folder):
    context = RecordingContext()
    context.cancel()
    with pytest.raises(Cancelled):
        largest_batch(Hungry(folder), 8, context)


@pytest.mark.parametrize(("each_mb", "free_mb", "found"), [(100, 1000, 9), (100, 10, 1), (0, 100000, 16)])
def test_the_size_follows_from_what_a_clip_needs_and_what_is_free(monkeypatch, each_mb, free_mb, found):
    """Where the system hands memory out that it has not: nothing fails, so it has to be reckoned."""
    tried = []

    def peak(count):
        tried.append(count)
        return (500 + each_mb * count) * 2**20

    monkeypatch.setattr(trial, "used_bytes", lambda: 600 * 2**20)
    monkeypatch.setattr(trial, "free_bytes", lambda: free_mb * 2**20)
    assert trial._search(peak, 16) == found
    assert max(tried) <= max(found, 2)
