"""Too little memory, and figures that are no numbers: what the loop does, and what the user reads."""

import math

import pytest
import torch

from engine.checkpoints.reader import read_state
from engine.protocol.context import RecordingContext
from engine.protocol.errors import Cancelled, OutOfMemory, TrainingFailed
from engine.train.rescue import can_be_smaller, in_pieces
from tests.engine.train.test_loop import StopsAt, Toy, losses, same, train

NEWEST = "state_*.pt"


class Hungry(Toy):
    """Learns from batches of four as one sum; more than `fits` clips at once need too much memory."""

    def __init__(self, folder, fits=99):
        super().__init__(folder)
        self.fits = fits
        self.sizes = []

    def plan(self, epoch):
        del epoch
        return [[(0, 1, 2, 3)], [(4, 0, 2, 1)], [(3, 1, 4, 2)]]

    def load(self, step):
        return list(step)

    def step(self, data, step, check_cancelled):
        check_cancelled()
        self.before_step(step)
        self.optimiser.zero_grad()
        count = sum(len(batch) for batch in data)
        added = 0.0
        for batch in data:
            if len(batch) > self.fits:
                raise torch.OutOfMemoryError(f"planted: {len(batch)} clips")
            self.sizes.append(len(batch))
            for item in batch:  # one row at a time: the sum does not depend on the cuts
                loss = self.network.eval()(torch.full((1, 3), float(item))).square().mean() / count
                loss.backward()
                added += float(loss.detach())
        self.optimiser.step()
        return {"loss": added}


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    return made


def warnings(context):
    return [text for level, text in context.lines if level == "warning"]


def test_batches_are_cut_into_parts_of_about_the_same_size():
    assert in_pieces([(1, 2, 3, 4, 5), (6,)], 2) == [(1, 2), (3, 4, 5), (6,)]
    assert in_pieces([(1, 2, 3)], 1) == [(1, 2, 3)]
    assert in_pieces([(1, 2, 3)], 8) == [(1,), (2,), (3,)]
    assert can_be_smaller([[(1,), (2, 3)]], 1)
    assert not can_be_smaller([[(1,), (2, 3)]], 2)


@pytest.mark.parametrize(("fits", "parts"), [(2, 2), (1, 4)])
def test_short_memory_cuts_the_batch_and_the_result_is_the_same(folder, fits, parts):
    _, whole, context = train(folder / "whole", toy=Hungry(folder / "whole"))
    toy, saved = Hungry(folder, fits), RecordingContext()
    outcome, _, _ = train(folder, saved, toy)
    assert outcome.place.step == 9
    assert set(toy.sizes) == {fits}
    assert losses(saved) == losses(context)
    assert same(whole, toy)
    said = [text for text in warnings(saved) if "not enough memory" in text]
    assert f"in {parts} parts" in said[-1]
    assert "planted: " in said[-1]


def test_a_training_that_was_cut_goes_on_cut(folder):
    first = StopsAt(4)
    with pytest.raises(Cancelled):
        train(folder, first, Hungry(folder, 2))
    again, second = Hungry(folder, 2), RecordingContext()
    train(folder, second, again)
    assert warnings(second) == []
    assert set(again.sizes) == {2}


def test_one_clip_that_does_not_fit_ends_with_words(folder):
    with pytest.raises(OutOfMemory) as caught:
        train(folder, None, Hungry(folder, 0))
    assert "smaller batch" in caught.value.hint
    assert caught.value.detail == "planted: 1 clips"
    assert list((folder / "states").glob(NEWEST))


def poison_at(toy, *steps):
    """Makes the weights no numbers before the given steps, each once."""
    left = list(steps)

    def poison(step):
        if step in left:
            left.remove(step)
            with torch.no_grad():
                toy.network[0].weight.fill_(math.nan)

    toy.before_step = poison


def test_no_number_goes_back_and_on_with_half_the_rate(folder):
    toy, context = Toy(folder), RecordingContext()
    poison_at(toy, 7)
    outcome, _, _ = train(folder, context, toy)
    assert outcome.place.step == 15
    assert [step for step, _ in context.metrics] == [*range(1, 8), *range(7, 16)]
    (said,) = warnings(context)
    assert "Step 8 broke down: loss is no number" in said
    assert "state of step 6 and on with 0.5 of the learning rate" in said
    assert toy.optimiser.param_groups[0]["lr"] == pytest.approx(0.05 * 0.9**2 * 0.5)
    assert all(math.isfinite(value) for value in losses(context))
    newest = max((folder / "states").glob(NEWEST))
    assert all(bool(torch.isfinite(t).all()) for t in read_state(newest)["parts"]["network"].values())


def test_the_lower_rate_outlives_an_interruption_bit_for_bit(folder):
    whole, undisturbed = Toy(folder / "whole"), RecordingContext()
    poison_at(whole, 3)
    train(folder / "whole", undisturbed, whole)
    toy, first = Toy(folder), StopsAt(8)
    poison_at(toy, 3)
    with pytest.raises(Cancelled):
        train(folder, first, toy)
    second = RecordingContext()
    _, resumed, _ = train(folder, second)
    assert losses(first) + losses(second) == losses(undisturbed)
    assert same(whole, resumed)
    assert any("0.5 of the learning rate" in text for text in warnings(second))


def test_the_first_step_has_a_state_to_go_back_to(folder):
    toy, context = Toy(folder), RecordingContext()
    poison_at(toy, 0)
    outcome, _, _ = train(folder, context, toy)
    assert outcome.place.step == 15
    assert "state of step 0" in warnings(context)[0]


def test_lasting_trouble_ends_with_the_clips_of_the_step(folder):
    toy, context = Toy(folder), RecordingContext()
    toy.before_step = lambda step: toy.network[0].weight.data.fill_(math.nan) if step == 7 else None
    with pytest.raises(TrainingFailed) as caught:
        train(folder, context, toy)
    assert len(warnings(context)) == 3
    said = caught.value.message
    assert "broke down 4 times at step 8 (epoch 2)" in said
    assert "0.125 of the learning rate" in said
    assert f"Clips of that step: clip{toy.seen[-1]}.wav" in said
    assert "The last good state is that of step 6" in said


def test_weights_that_are_no_numbers_are_never_kept(folder):
    """The loss of the last step before a save may still be a number."""
    toy, context = Toy(folder), RecordingContext()
    real, left = toy.step, [3]

    def step(data, number, check_cancelled):
        figures = real(data, number, check_cancelled)
        if number in left:
            left.remove(number)
            toy.network[2].bias.data.fill_(math.inf)
        return figures

    toy.step = step
    outcome, _, _ = train(folder, context, toy)
    assert outcome.place.step == 15
    assert "network (2.bias) is no number" in warnings(context)[0]


def test_a_stop_keeps_the_last_good_state_only(folder):
    toy, context = Toy(folder), StopsAt(3)
    real = toy.step

    def step(data, number, check_cancelled):
        figures = real(data, number, check_cancelled)
        if number == 2:
            toy.network[2].bias.data.fill_(math.nan)
        return figures

    toy.step = step
    with pytest.raises(Cancelled):
        train(folder, context, toy)
    assert max((folder / "states").glob(NEWEST)).name == "state_00000002.pt"
    assert "state of step 2 stays" in warnings(context)[0]
