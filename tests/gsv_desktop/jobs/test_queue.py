import pytest

from engine.protocol.stages.registry import stage
from gsv_desktop.core.state import WorkState
from gsv_desktop.jobs.job import Job
from gsv_desktop.jobs.queue import JobQueue

WAIT_MS = 20_000
HEAVY, LIGHT, SPEAK = stage("train_gpt"), stage("slice"), stage("speak")


def until_ended(qtbot, *jobs: Job) -> None:
    qtbot.waitUntil(lambda: all(job.state.ended for job in jobs), timeout=WAIT_MS)


def until_running(qtbot, job: Job) -> None:
    qtbot.waitUntil(lambda: job.progress is not None, timeout=WAIT_MS)


def test_heavy_jobs_run_one_after_another_in_order(qtbot, queue: JobQueue):
    order = []
    queue.job_ended.connect(order.append)
    first, second, third = (queue.submit(HEAVY, {"script": "done"}) for _ in range(3))
    assert [job.state for job in (first, second, third)] == [
        WorkState.RUNNING,
        WorkState.QUEUED,
        WorkState.QUEUED,
    ]
    until_ended(qtbot, first, second, third)
    assert order == [first, second, third]
    # Each had a process of its own.
    assert len({job.outcome.message for job in order}) == 3


def test_a_light_job_runs_beside_a_heavy_one(qtbot, queue):
    heavy = queue.submit(HEAVY, {"script": "wait"})
    light = queue.submit(LIGHT, {"script": "done"})
    until_ended(qtbot, light)
    assert heavy.state is WorkState.RUNNING


def test_the_speaking_worker_stays_alive_and_warm(qtbot, queue):
    first = queue.submit(SPEAK, {"script": "done"})
    until_ended(qtbot, first)
    second = queue.submit(SPEAK, {"script": "done"})
    until_ended(qtbot, second)
    assert first.outcome.message == second.outcome.message == f"pid {queue.speech_pid}"


def test_speech_goes_before_other_waiting_jobs(qtbot, queue):
    order = []
    queue.job_ended.connect(lambda job: order.append(job.spec.name))
    running = queue.submit(HEAVY, {"script": "wait"})
    queue.submit(stage("prepare"), {"script": "done"})
    queue.submit(SPEAK, {"script": "done"})
    until_running(qtbot, running)
    queue.cancel(running)
    until_ended(qtbot, *queue.jobs)
    assert order == ["train_gpt", "speak", "prepare"]


def test_a_dead_worker_is_told_in_plain_words_and_the_job_can_be_tried_again(qtbot, queue):
    job = queue.submit(HEAVY, {"script": "once"})
    until_ended(qtbot, job)
    assert job.state is WorkState.FAILED
    assert job.outcome.code == "worker_died"
    assert "signal 9" in job.outcome.message
    queue.retry(job)
    until_ended(qtbot, job)
    assert job.state is WorkState.DONE
    assert job.attempt == 2


def test_a_speaking_worker_that_died_is_replaced(qtbot, queue):
    first = queue.submit(SPEAK, {"script": "kill"})
    until_ended(qtbot, first)
    assert first.state is WorkState.FAILED
    second = queue.submit(SPEAK, {"script": "done"})
    until_ended(qtbot, second)
    assert second.state is WorkState.DONE


def test_cancelling_a_running_job_stops_it_and_starts_the_next(qtbot, queue):
    first, second = queue.submit(HEAVY, {"script": "wait"}), queue.submit(HEAVY, {"script": "done"})
    until_running(qtbot, first)
    queue.cancel(first)
    until_ended(qtbot, first, second)
    assert (first.state, second.state) == (WorkState.CANCELLED, WorkState.DONE)


def test_cancelling_a_waiting_job_takes_it_out(qtbot, queue):
    running, waiting = queue.submit(HEAVY, {"script": "wait"}), queue.submit(HEAVY, {"script": "done"})
    queue.cancel(waiting)
    assert waiting.state is WorkState.CANCELLED
    assert running.state is WorkState.RUNNING


@pytest.mark.parametrize(("script", "code"), [("failed", "bad_audio"), ("lost_file", "missing_artifact")])
def test_a_failure_carries_its_words(qtbot, queue, script, code):
    job = queue.submit(LIGHT, {"script": script})
    until_ended(qtbot, job)
    assert job.state is WorkState.FAILED
    assert job.outcome.code == code
    assert job.outcome.hint
    assert any(job.outcome.message in line for line in job.log_lines)


def test_shutting_down_leaves_no_process(qtbot, queue):
    job = queue.submit(HEAVY, {"script": "wait"})
    speech = queue.submit(SPEAK, {"script": "done"})
    until_running(qtbot, job)
    queue.shut_down()
    assert not queue._workers
    assert speech.state is WorkState.QUEUED
