"""Clips that vanish while a training runs."""

import pytest

from engine.protocol.context import RecordingContext
from engine.protocol.errors import BadLabels, MissingFile
from tests.engine.train.test_loop import losses, same, train
from tests.engine.train.test_rescue import Hungry, warnings


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    return made


class Torn(Hungry):
    """Some of its clips cannot be read."""

    def __init__(self, folder, *gone):
        super().__init__(folder)
        self.gone = gone

    def load(self, step):
        for batch in step:
            for item in batch:
                if item in self.gone:
                    raise FileNotFoundError(2, "No such file", f"clip{item}.wav")
        return super().load(step)


def test_a_clip_that_vanished_is_left_out_and_named_once(folder):
    toy, context = Torn(folder, 2), RecordingContext()
    outcome, _, _ = train(folder, context, toy)
    assert outcome.place.step == 9
    assert set(toy.sizes) == {3}
    (said,) = warnings(context)
    assert said.startswith("clip2.wav is left out from now on: it cannot be read any more")
    assert [one.name for one in outcome.lost] == ["clip2.wav"]


def test_a_step_of_which_nothing_is_left_ends_with_the_state_saved(folder):
    toy, context = Torn(folder), RecordingContext()
    toy.before_step = lambda step: setattr(toy, "gone", (0, 1, 2, 3, 4)) if step == 2 else None
    with pytest.raises(MissingFile) as caught:
        train(folder, context, toy, state_every_steps=100)
    assert "clip0.wav" in caught.value.message
    assert "goes on" in caught.value.hint
    step = len(losses(context))
    assert max((folder / "states").glob("state_*.pt")).name == f"state_{step:08d}.pt"
    _, resumed, _ = train(folder, None, Hungry(folder))
    _, whole, _ = train(folder / "whole", None, Hungry(folder / "whole"))
    assert same(resumed, whole)


def test_an_error_with_words_keeps_them(folder):
    toy = Hungry(folder)

    def load(step):
        raise BadLabels("broken.pt is no tensor", hint="Remove it.")

    toy.load = load
    with pytest.raises(BadLabels, match=r"broken\.pt"):
        train(folder, None, toy)
