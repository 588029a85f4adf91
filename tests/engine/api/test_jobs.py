"""Stages that the server runs, in real worker processes."""

import sys
import threading
from pathlib import Path

import pytest

from engine.api.jobs import LOG_FILE, Jobs, Occupied
from engine.protocol.errors import BadAudio, BadParameters, Cancelled, EngineError, WorkerDied
from engine.protocol.messages import Log, Progress
from tests.contract import odd_stages

ODD = Path(odd_stages.__file__)


@pytest.fixture
def jobs(tmp_path):
    made = Jobs(tmp_path / "用户 it's 名", [sys.executable, str(ODD)], odd_stages.find)
    yield made
    made.close()
    assert made.running() == ()


def started(jobs, stage):
    """A job that has made its first step."""
    stepped = threading.Event()
    job = jobs.start(stage, {}, lambda event: stepped.set() if isinstance(event, Progress | Log) else None)
    assert stepped.wait(30)
    return job


def test_a_result_comes_back_with_every_event(jobs):
    events = []
    result = jobs.run("chatter", {"count": 2}, events.append)
    assert result.summary == "chatted"
    assert [event.text for event in events if isinstance(event, Log)] == ["message 0", "message 1"]
    assert jobs.job("chatter").status == "message 1"


def test_what_a_worker_prints_goes_to_the_workspace(jobs, tmp_path):
    jobs.run("chatter", {"count": 1})
    written = (tmp_path / "用户 it's 名" / "logs" / LOG_FILE).read_text(encoding="utf-8", errors="replace")
    assert "python says hello" in written


def test_a_running_stage_is_occupied_until_it_is_cancelled(jobs):
    job = started(jobs, "obedient")
    with pytest.raises(Occupied, match="obedient"):
        jobs.start("obedient", {})
    assert jobs.cancel("obedient")
    assert not job.running
    with pytest.raises(Cancelled):
        job.result()
    assert not jobs.cancel("obedient")
    started(jobs, "obedient")


def test_another_stage_may_run_beside_it(jobs):
    started(jobs, "obedient")
    assert jobs.run("flood", {"count": 1}).summary == "flooded"


def test_stages_that_write_the_same_files_exclude_each_other(tmp_path):
    jobs = Jobs(tmp_path)
    values = {"workspace": str(tmp_path), "experiment": "a", "labels": "a.list"}
    jobs.start("text_features", values)
    with pytest.raises(Occupied, match=r"Text features \(1a\)"):
        jobs.start("prepare", values)
    jobs.close()


def test_a_failure_keeps_its_kind_words_and_hint(jobs):
    with pytest.raises(BadAudio, match=r"x\.wav is broken") as caught:
        jobs.run("broken", {})
    assert caught.value.hint == "record it again"


def test_bad_parameters_start_nothing(jobs):
    with pytest.raises(BadParameters, match="count"):
        jobs.run("flood", {"count": -1})
    assert jobs.job("flood") is None


def test_a_worker_that_vanishes_is_a_failure(jobs):
    with pytest.raises(WorkerDied, match="exit code 7"):
        jobs.run("vanish", {})


def test_a_program_that_is_no_worker_is_a_failure(tmp_path):
    jobs = Jobs(tmp_path, [str(tmp_path / "nothing here")], odd_stages.find)
    with pytest.raises(EngineError, match="nothing here"):
        jobs.run("flood", {})


def test_closing_cancels_what_runs(jobs):
    job = started(jobs, "obedient")
    jobs.close()
    assert not job.running
    with pytest.raises(BadParameters, match="closed"):
        jobs.start("flood", {})
