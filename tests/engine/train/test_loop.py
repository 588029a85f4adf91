"""The loop: exact continuation, states, exports, and ends in every way."""

import errno
import os
from pathlib import Path

import pytest
import torch
from torch import nn

from engine.protocol.context import RecordingContext
from engine.protocol.errors import (
    BadCheckpoint,
    BadLabels,
    Cancelled,
    OutOfMemory,
    OutOfSpace,
)
from engine.train.loop import Loop, LoopSettings
from engine.train.plan import epoch_generator


class Toy:
    """A regression with dropout: small, but with weights, momentum, a falling rate and random numbers."""

    def __init__(self, folder, width=3):
        torch.manual_seed(99)
        self.network = nn.Sequential(nn.Linear(width, 4), nn.Dropout(0.5), nn.Linear(4, 1))
        self.optimiser = torch.optim.AdamW(self.network.parameters(), lr=0.05)
        self.rate = 0.05
        self.folder, self.width = folder, width
        self.order = "one"
        self.before_step = lambda _step: None
        self.seen = []

    def parts(self):
        return {"network": self.network, "optimiser": self.optimiser}

    def plan(self, epoch):
        return [[(int(index),)] for index in epoch_generator(3, epoch).permutation(5)]

    def clips(self, step):
        return [f"clip{index}.wav" for batch in step for index in batch]

    def heaviest(self, count):
        return tuple(range(count))

    def load(self, step):
        return step[0][0]

    def step(self, data, step, check_cancelled):
        self.seen.append(data)
        torch.rand(3)  # an interrupted step must not leave its draws behind
        self.before_step(step)
        check_cancelled()
        self.optimiser.zero_grad()
        points = torch.full((8, self.width), float(data)) + torch.randn(8, self.width)
        loss = (self.network(points) - data).square().mean()
        loss.backward()
        self.optimiser.step()
        return {"loss": float(loss.detach())}

    def begin_epoch(self, epoch):
        self.optimiser.param_groups[0]["lr"] = self.rate * 0.9**epoch

    def weights_path(self, place):
        return self.folder / "weights" / f"toy-e{place.epoch}-s{place.step}.bin"

    def export(self, place):
        path = self.weights_path(place)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"weights")
        return path


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    return made


def settings(folder, **changes):
    given = {
        "total_epochs": 3,
        "save_every_epochs": 2,
        "state_every_steps": 2,
        "keep_only_latest": True,
        "seed": 5,
    }
    return LoopSettings(folder=folder / "states", **given | changes)


def train(folder, context=None, toy=None, **changes):
    toy = toy or Toy(folder)
    context = context or RecordingContext()
    return Loop(toy, settings(folder, **changes), context).run(), toy, context


def losses(context):
    return [values["loss"] for _, values in context.metrics]


def same(first, second):
    return all(
        torch.equal(a, b)
        for a, b in zip(
            first.network.state_dict().values(), second.network.state_dict().values(), strict=True
        )
    )


class StopsAt(RecordingContext):
    """Asks to stop once a number of steps is done."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def progress(self, done, total, unit):
        super().progress(done, total, unit)
        if done == self.step:
            self.cancel()


def test_an_undisturbed_run(folder):
    outcome, toy, context = train(folder)
    assert (outcome.place.epoch, outcome.place.position, outcome.place.step) == (3, 0, 15)
    assert [path.name for path in outcome.weights] == ["toy-e2-s10.bin", "toy-e3-s15.bin"]
    assert context.artifacts == [("weights", path) for path in outcome.weights]
    assert context.progressed == [(float(step), 15, "steps") for step in range(1, 16)]
    assert len(outcome.losses) == 3
    assert outcome.figures.best_loss == min(outcome.losses)
    assert {"loss", "epoch", "seconds_per_step", "eta_s"} <= set(context.metrics[0][1])
    assert sorted(toy.seen[:5]) == [0, 1, 2, 3, 4]
    assert toy.seen[:5] != toy.seen[5:10]


@pytest.mark.parametrize("stop", [1, 2, 5, 7, 10, 14])
def test_a_stopped_run_goes_on_bit_for_bit(folder, stop):
    _, whole, context = train(folder / "whole")
    first, second = StopsAt(stop), RecordingContext()
    with pytest.raises(Cancelled):
        train(folder, first)
    outcome, resumed, _ = train(folder, second)
    assert losses(first) + losses(second) == losses(context)
    assert len(losses(first)) == stop
    assert same(whole, resumed)
    assert outcome.place.step == 15
    assert second.progressed[0] == (stop + 1, 15, "steps")


def test_a_stop_within_a_step_undoes_its_draws(folder):
    _, whole, context = train(folder / "whole")
    first, toy = RecordingContext(), Toy(folder)
    toy.before_step = lambda step: first.cancel() if step == 6 else None
    with pytest.raises(Cancelled):
        train(folder, first, toy)
    second = RecordingContext()
    _, resumed, _ = train(folder, second)
    assert losses(first) + losses(second) == losses(context)
    assert same(whole, resumed)


def test_a_crash_costs_the_steps_since_the_last_state(folder):
    _, whole, context = train(folder / "whole")
    toy = Toy(folder)

    def crash(step):
        if step == 8:
            raise KeyError("a bug")

    toy.before_step = crash
    with pytest.raises(KeyError):
        train(folder, None, toy)
    second = RecordingContext()
    _, resumed, _ = train(folder, second)
    assert losses(second) == losses(context)[8:]  # states at 2, 4, 5 (epoch), 6 and 8
    assert same(whole, resumed)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "foreign"])
def test_a_damaged_newest_state_falls_back_to_the_one_before(folder, damage):
    _, whole, context = train(folder / "whole")
    with pytest.raises(Cancelled):
        train(folder, StopsAt(9))
    newest = max((folder / "states").glob("state_*.pt"))
    content = newest.read_bytes()
    half = len(content) // 2
    newest.write_bytes(
        {
            "cut": content[:half],
            "flipped": content[:half]
            + bytes(255 - byte for byte in content[half : half + 64])
            + content[half + 64 :],
            "empty": b"",
            "foreign": b"PK\x03\x04 something else",
        }[damage]
    )
    second = RecordingContext()
    _, resumed, _ = train(folder, second)
    assert losses(second) == losses(context)[8:]
    assert same(whole, resumed)
    assert any(level == "warning" and newest.name in text for level, text in second.lines)
    assert newest.with_suffix(".damaged").is_file()


def test_what_a_killed_process_left_half_written_goes(folder):
    (folder / "states").mkdir()
    (folder / "states" / "state_00000009.pt.77.part").write_bytes(b"half")
    (folder / "states" / ".0123456789ab.part.pt").write_bytes(b"half")
    outcome, _, _ = train(folder)
    assert outcome.place.step == 15
    assert not [path for path in (folder / "states").iterdir() if ".part" in path.name]


def test_data_that_cannot_be_read_end_the_training(folder):
    toy = Toy(folder)
    read = toy.load

    def load(step):
        if len(toy.seen) >= 3:
            raise BadLabels("clip.wav is gone")
        return read(step)

    toy.load = load
    with pytest.raises(BadLabels, match=r"clip\.wav"):
        train(folder, None, toy)


def test_two_states_stay_or_one_for_each_epoch(folder):
    train(folder)
    assert sorted(path.name for path in (folder / "states").glob("*")) == [
        "place.json",
        "state_00000014.pt",
        "state_00000015.pt",
    ]
    train(folder / "all", keep_only_latest=False)
    names = sorted(path.name for path in (folder / "all" / "states").glob("state_*"))
    assert names == [
        "state_00000005_e1.pt",
        "state_00000010_e2.pt",
        "state_00000014.pt",
        "state_00000015_e3.pt",
    ]


def test_nothing_to_do_names_the_weights_and_exports_them_again(folder):
    first, _, _ = train(folder)
    again, toy, context = train(folder)
    assert again.steps_now == 0
    assert again.weights == first.weights[-1:]
    assert toy.seen == []
    assert context.metrics == []
    again.weights[0].unlink()
    third, _, _ = train(folder)
    assert third.weights == again.weights
    assert third.weights[0].is_file()


def test_more_epochs_continue_a_finished_training(folder):
    _, whole, _ = train(folder / "whole", total_epochs=4)
    train(folder, total_epochs=2)
    outcome, resumed, _ = train(folder, total_epochs=4)
    assert outcome.steps_now == 10
    assert same(whole, resumed)


def test_other_data_restart_the_epoch(folder):
    with pytest.raises(Cancelled):
        train(folder, StopsAt(7))
    toy, context = Toy(folder), RecordingContext()
    toy.order = "another"
    outcome, _, _ = train(folder, context, toy)
    assert len(toy.seen) == 10
    assert outcome.place.step == 17
    assert any("data" in text for level, text in context.lines if level == "warning")


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
)
def test_too_little_memory_has_words_for_the_user(folder, error):
    toy = Toy(folder)

    def fail(step):
        raise error

    toy.before_step = fail
    with pytest.raises(OutOfMemory) as caught:
        train(folder, None, toy)
    assert "batch size" in caught.value.hint


def test_another_fault_is_not_taken_for_memory(folder):
    toy = Toy(folder)

    def fail(step):
        raise RuntimeError("shapes differ")

    toy.before_step = fail
    with pytest.raises(RuntimeError, match="shapes differ"):
        train(folder, None, toy)


@pytest.mark.parametrize(("place", "allowed"), [("fsync", 2), ("replace", 4)])
def test_a_full_disk_leaves_earlier_states(folder, monkeypatch, place, allowed):
    _, whole, context = train(folder / "whole")
    calls = []

    def full(*given):
        calls.append(given)
        if len(calls) > allowed:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*given)

    owner = os if place == "fsync" else Path
    real = getattr(owner, place)
    with monkeypatch.context() as patched:
        patched.setattr(owner, place, full)
        with pytest.raises(OutOfSpace) as caught:
            train(folder)
    assert "state_00000004" in caught.value.message
    kept = sorted(path.name for path in (folder / "states").iterdir())
    assert kept == ["place.json", "state_00000000.pt", "state_00000002.pt"]
    second = RecordingContext()
    _, resumed, _ = train(folder, second)
    assert losses(second) == losses(context)[2:]
    assert same(whole, resumed)


def test_a_lower_rate_takes_effect_when_training_goes_on(folder):
    with pytest.raises(Cancelled):
        train(folder, StopsAt(7))
    toy = Toy(folder)
    toy.rate = 0.01
    train(folder, None, toy)
    assert toy.optimiser.param_groups[0]["lr"] == 0.01 * 0.9**2


def test_states_of_other_networks_are_refused(folder):
    train(folder)
    with pytest.raises(BadCheckpoint) as caught:
        train(folder, None, Toy(folder, width=5), total_epochs=9)
    assert str(folder / "states") in caught.value.message
