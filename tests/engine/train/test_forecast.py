"""Time and memory of a training, from its first steps."""

import pytest

from engine.protocol.context import RecordingContext
from engine.train.forecast import Forecast, Measure, duration
from engine.train.loop import Loop
from engine.train.memory import GIB
from tests.engine.train.test_loop import Toy, settings, train


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    return made


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (119, "119 s"), (720, "12 min"), (7100, "118 min"), (9000, "2.5 h")]
)
def test_times_for_people(seconds, said):
    assert duration(seconds) == said


def test_the_line_names_time_steps_and_memory():
    made = Forecast(steps=340, seconds=720, memory_bytes=int(2.1 * GIB), free_bytes=GIB)
    assert made.text() == "About 12 min for 340 steps, with 2.1 GB of memory."


def test_the_first_step_warms_up():
    times = iter([0.0, 100.0, 101.0, 103.0])
    context = RecordingContext()
    with Measure(0, 12, context, clock=lambda: next(times)) as measure:
        assert measure.add([(0, 1)], 1)["eta_s"] == 1100
        assert measure.add([(0, 1)], 2)["clips_per_second"] == 2
        figures = measure.add([(0, 1)], 3)
    assert figures["forecast_s"] == figures["eta_s"] == 1.5 * 9
    assert figures["forecast_memory_gb"] >= figures["memory_gb"] > 0.01
    assert [text.split(",")[0] for _, text in context.lines] == ["About 14 s for 9 steps"]


def test_a_training_tells_its_end_once(folder):
    _, _, context = train(folder)
    told = [step for step, values in context.metrics if "forecast_s" in values]
    assert told == [3]
    assert sum("About" in text for _, text in context.lines) == 1


def test_a_forecast_before_the_start_keeps_nothing(folder):
    toy, context = Toy(folder), RecordingContext()
    made = Loop(toy, settings(folder), context).forecast()
    assert made.steps == 15
    assert made.seconds > 0
    assert made.memory_bytes > 2**20
    assert len(toy.seen) == 3
    assert not (folder / "states").exists()
    assert context.metrics == context.artifacts == []


def test_a_forecast_of_what_is_left_leaves_the_states(folder):
    train(folder, total_epochs=2)
    states = {path: path.read_bytes() for path in (folder / "states").iterdir()}
    made = Loop(Toy(folder), settings(folder, total_epochs=3), RecordingContext()).forecast()
    assert made.steps == 5
    assert {path: path.read_bytes() for path in (folder / "states").iterdir()} == states
    assert Loop(Toy(folder), settings(folder, total_epochs=2), RecordingContext()).forecast().steps == 0
