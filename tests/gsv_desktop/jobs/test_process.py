import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QObject

from engine.protocol.messages import Done, Failed, JobCancelled, Log, Metric
from gsv_desktop.jobs.launch import Launch
from gsv_desktop.jobs.process import WorkerProcess
from tests.gsv_desktop.conftest import scripted_launch

WAIT_MS = 20_000


@pytest.fixture
def worker(qapp, folder):
    made = WorkerProcess(scripted_launch(folder), cancel_grace_ms=200, terminate_grace_ms=200)
    yield made
    made.shut_down(3000)


def run(qtbot, worker: WorkerProcess, script: str) -> object:
    with qtbot.waitSignal(worker.job_ended, timeout=WAIT_MS) as ended:
        worker.run("job1", "slice", {"script": script})
    return ended.args[0]


def test_a_job_ends_with_its_result_and_the_process_ends_when_closed(qtbot, worker):
    assert isinstance(run(qtbot, worker, "done"), Done)
    with qtbot.waitSignal(worker.process_ended, timeout=WAIT_MS):
        worker.close()
    assert not worker.running


def test_a_worker_that_is_killed_ends_the_job_in_plain_words(qtbot, worker):
    end = run(qtbot, worker, "kill")
    assert isinstance(end, Failed)
    assert end.code == "worker_died"
    assert "ended from outside (signal 9)" in end.message
    assert "goes on where it was" in end.hint
    assert "last words" in end.detail


def test_a_worker_that_leaves_without_an_end_names_its_exit_code(qtbot, worker):
    end = run(qtbot, worker, "leave")
    assert isinstance(end, Failed)
    assert "exit code 3" in end.message
    assert "gone without a word" in end.detail


def test_lines_that_are_no_messages_go_to_the_log_and_do_no_harm(qtbot, worker):
    lines = []
    worker.log_received.connect(lines.append)
    assert isinstance(run(qtbot, worker, "garbage done"), Done)
    assert any("not json" in line for line in lines)
    assert any("never heard of" in line for line in lines)


def test_a_message_that_comes_in_pieces_is_put_together(qtbot, worker):
    events = []
    worker.event_received.connect(events.append)
    run(qtbot, worker, "split done")
    assert events == [Log(job="job1", level="info", text="分 割")]


def test_the_last_line_counts_even_without_a_line_feed(qtbot, worker):
    end = run(qtbot, worker, "unended")
    assert isinstance(end, Done)
    assert end.result.summary == "last line"


def test_twenty_thousand_messages_arrive_in_order(qtbot, worker):
    steps = []

    def note(event: object) -> None:
        assert isinstance(event, Metric)
        steps.append(event.step)

    worker.event_received.connect(note)
    assert isinstance(run(qtbot, worker, "many done"), Done)
    assert steps == list(range(20_000))


@pytest.mark.parametrize("script", ["wait", "deaf", "stubborn"])
def test_cancel_asks_then_terminates_then_kills(qtbot, worker, script):
    with qtbot.waitSignal(worker.event_received, timeout=WAIT_MS):
        worker.run("job1", "slice", {"script": script})
    with qtbot.waitSignal(worker.job_ended, timeout=WAIT_MS) as ended:
        worker.cancel()
    assert ended.args[0] == JobCancelled(job="job1")
    # The one that listened is still there, the others had to go.
    assert worker.running == (script == "wait")


def test_a_program_that_is_not_there_ends_the_job_too(qtbot, folder, qapp):
    parent = QObject()
    worker = WorkerProcess(Launch(program=str(folder / "no such program")), parent)
    end = run(qtbot, worker, "done")
    assert isinstance(end, Failed)
    assert "could not be started" in end.message


def test_one_job_at_a_time(qtbot, worker):
    worker.run("job1", "slice", {"script": "wait"})
    with pytest.raises(RuntimeError):
        worker.run("job2", "slice", {})


def test_the_worker_sees_only_the_environment_that_it_was_given(qapp, qtbot, folder, monkeypatch):
    monkeypatch.setenv("PYTHONUTF8", "0")
    launch = scripted_launch(folder)
    assert launch.environment["PYTHONUTF8"] == "1"
    assert launch.program == sys.executable
    assert Path(launch.arguments[0]).is_file()
