"""A training stage from its parameters to its result: place, automatic batch, forecast, one at a time."""

import pytest

from engine.protocol.context import RecordingContext
from engine.protocol.errors import AlreadyRunning
from engine.protocol.stages.training import TrainGptParameters
from engine.protocol.training_place import states_folder, training_place
from engine.train import gpt
from engine.train.lock import only_training
from tests.engine.train.experiments import prepare


@pytest.fixture
def prepared(tmp_path):
    return prepare(tmp_path)


def parameters(prepared, **changes):
    given = {
        "workspace": prepared.workspace,
        "experiment": prepared.name,
        "pretrained_gpt": prepared.gpt,
        "total_epochs": 1,
        "accumulate_batches": 1,
        "fewest_items": 24,
        "device": "cpu",
    }
    return TrainGptParameters(**given | changes)


def train(prepared, **changes):
    context = RecordingContext()
    return gpt.run(parameters(prepared, **changes), context), context


def test_where_it_stands_is_known_before_the_next_start(prepared):
    folder = states_folder(parameters(prepared))
    assert training_place(folder) is None
    result, _ = train(prepared, batch_size=3, total_epochs=2)
    place = training_place(folder)
    assert (place.epoch, place.position, place.step, place.batch_size) == (2, 0, 16, 3)
    assert place.weights == result.artifacts[-1].path
    assert place.complete(2)
    again, _ = train(prepared, batch_size=3, total_epochs=2)
    assert "already at epoch 2 of 2: nothing to do" in again.summary
    assert "more epochs" in again.summary
    more, _ = train(prepared, batch_size=3, total_epochs=3)
    assert more.numbers["steps_now"] == 8
    assert training_place(folder).total_epochs == 3


def test_an_automatic_batch_is_found_once_and_kept(prepared, monkeypatch):
    monkeypatch.setattr("engine.train.course.most_of", lambda _clips: 2)
    _, first = train(prepared, batch_size=0)
    assert any("Batches of 2 clips fit" in text for _, text in first.lines)
    assert training_place(states_folder(parameters(prepared))).batch_size == 2
    _, second = train(prepared, batch_size=0, total_epochs=2)
    assert not any("clips fit" in text for _, text in second.lines)
    assert [len(made.metrics) for made in (first, second)] == [12, 12]


def test_a_trial_leaves_no_trace_in_what_is_learnt(prepared, tmp_path, monkeypatch):
    monkeypatch.setattr("engine.train.course.most_of", lambda _clips: 2)
    _, tried = train(prepared, batch_size=0)
    _, given = train(prepare(tmp_path / "other"), batch_size=2)
    assert [one["loss"] for _, one in tried.metrics] == [one["loss"] for _, one in given.metrics]


def test_a_forecast_alone_changes_nothing(prepared):
    result, context = train(prepared, forecast_only=True, batch_size=3, total_epochs=5)
    assert result.numbers["forecast_steps"] == 40
    assert result.numbers["batch_size"] == 3
    assert result.numbers["forecast_s"] > 0
    assert result.summary.startswith("Training the GPT: About ")
    assert not result.artifacts
    assert training_place(states_folder(parameters(prepared))) is None
    assert not list(prepared.workspace.glob("GPT_weights*/*"))
    assert context.metrics == []
    train(prepared)
    done, _ = train(prepared, forecast_only=True)
    assert "nothing is left to do" in done.summary


def test_the_same_training_runs_once_at_a_time(prepared):
    with only_training(states_folder(parameters(prepared))), pytest.raises(AlreadyRunning):
        train(prepared)
    train(prepared)
