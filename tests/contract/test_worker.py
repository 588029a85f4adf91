"""A real worker process, driven over its pipes."""

import base64
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from engine.protocol.errors import WorkerDied
from engine.protocol.launch import worker_environment
from engine.protocol.messages import ArtifactMade, Audio, Done, Failed, JobCancelled, Log, Metric, Progress
from engine.worker.client import Worker

ODD = Path(__file__).with_name("odd_stages.py")
COMMAND = [sys.executable, str(ODD)]


@pytest.fixture
def worker():
    with Worker(COMMAND, stderr=subprocess.DEVNULL) as running:
        yield running


def test_hello_comes_first_and_names_the_process(worker):
    assert worker.hello.protocol == 1
    assert worker.hello.pid == worker._process.pid


def test_the_real_worker_module_answers():
    with Worker(stderr=subprocess.DEVNULL) as running:
        end = running.run("slice", {"input": "/no/such/file.wav"})
    assert isinstance(end, Failed)
    assert end.code in {"missing_file", "bad_audio"}
    assert "/no/such/file.wav" in end.message


def test_prints_of_python_and_c_do_not_break_the_wire(tmp_path):
    noise = tmp_path / "stderr.log"
    with noise.open("wb") as log, Worker(COMMAND, stderr=log) as running:
        events = []
        end = running.run("chatter", {"count": 50}, events.append)
    assert isinstance(end, Done)
    assert [event.text for event in events if isinstance(event, Log)] == [f"message {i}" for i in range(50)]
    written = noise.read_bytes()
    assert written.count(b"a C library prints half a message") == 50
    assert written.count(b"python says hello") == 50


def test_twenty_thousand_messages_arrive_in_order(worker):
    seen = []
    end = worker.run(
        "flood", {"count": 20_000}, lambda e: seen.append(e.step) if isinstance(e, Metric) else None
    )
    assert isinstance(end, Done)
    assert seen == list(range(20_000))


def test_a_minute_of_sound_arrives_whole(worker):
    pcm = bytearray()
    indices = []

    def take(event):
        if isinstance(event, Audio):
            pcm.extend(base64.b64decode(event.pcm))
            indices.append(event.index)

    end = worker.run("speech", {"count": 60}, take)
    assert isinstance(end, Done)
    assert indices == list(range(len(indices)))
    assert len(pcm) == 60 * 32000 * 2
    samples = memoryview(bytes(pcm)).cast("h")
    assert all(samples[i] == i % 65536 - 32768 for i in range(0, len(samples), 997))


def test_a_silent_stage_shows_that_it_is_alive(worker):
    events = []
    assert isinstance(worker.run("slow_to_load", {}, events.append), Done)
    told = [event for event in events if isinstance(event, Progress)]
    assert [(one.done, one.total, one.unit) for one in told] == [(2, 5, "clips")] * (len(told) - 1) + [
        (5, 5, "clips")
    ]
    silent = [one.silent_s for one in told[1:-1]]
    assert len(silent) in (1, 2)
    assert silent == sorted(silent)
    assert silent[0] >= 0.9
    assert (told[0].silent_s, told[-1].silent_s) == (0, 0)


def test_cancel_ends_the_job_once_and_the_worker_goes_on(worker):
    job = worker.start("obedient", {})
    ends = []
    for event in worker.events(job):
        if event.type == "progress":
            worker.cancel(job)
        if event.type in {"result", "failed", "cancelled"}:
            ends.append(event)
    assert [type(end) for end in ends] == [JobCancelled]
    assert isinstance(worker.run("flood", {"count": 1}), Done)


def test_a_waiting_job_can_be_cancelled(worker):
    first = worker.start("obedient", {})
    second = worker.start("flood", {"count": 5})
    worker.cancel(second)
    worker.cancel(first)
    assert [event.type for event in worker.events(first)][-1] == "cancelled"
    assert [event.type for event in worker.events(second)] == ["cancelled"]


def test_a_failure_carries_words_hint_and_detail(worker):
    end = worker.run("broken", {})
    assert isinstance(end, Failed)
    assert (end.code, end.message, end.hint) == ("bad_audio", "the file x.wav is broken", "record it again")
    assert "decoder said 42" in end.detail


def test_a_bug_is_reported_with_its_traceback(worker):
    end = worker.run("surprised", {})
    assert isinstance(end, Failed)
    assert "KeyError" in end.message
    assert "odd_stages.py" in end.detail


def test_bad_parameters_are_named(worker):
    end = worker.run("flood", {"count": -1, "colour": "red"})
    assert isinstance(end, Failed)
    assert end.code == "bad_parameters"
    assert "count" in end.message
    assert "colour" in end.message


def test_an_unknown_stage_is_named(worker):
    end = worker.run("knit", {})
    assert isinstance(end, Failed)
    assert "knit" in end.message
    assert "speak" in end.hint


def test_a_line_that_is_no_request_is_answered_and_survived(worker):
    worker._process.stdin.write(b"{nonsense\n")
    worker._process.stdin.flush()
    events = []
    end = worker.run("flood", {"count": 1}, events.append)
    assert isinstance(end, Done)
    assert any(isinstance(event, Log) and event.level == "error" and event.job == "" for event in events)


def test_objects_are_kept_between_jobs(worker):
    uses = [worker.run("keeper", {}).result.numbers["uses"] for _ in range(3)]
    assert uses == [1.0, 2.0, 3.0]


def test_paths_keep_their_characters(worker, tmp_path):
    path = tmp_path / "用户 it's 名" / "声音 “x”.txt"
    path.parent.mkdir()
    events = []
    end = worker.run("touch", {"path": str(path)}, events.append)
    assert isinstance(end, Done)
    made = [event for event in events if isinstance(event, ArtifactMade)]
    assert [Path(event.path) for event in made] == [path.resolve()]
    assert path.read_text(encoding="utf-8") == "made"


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a POSIX signal")
def test_a_killed_worker_is_reported_as_dead(worker):
    events = worker.events(worker.start("obedient", {}))
    assert next(events).type == "progress"
    os.kill(worker.hello.pid, signal.SIGKILL)
    with pytest.raises(WorkerDied, match="middle of the job"):
        list(events)


def test_a_worker_that_exits_by_itself_is_reported_as_dead(worker):
    with pytest.raises(WorkerDied, match="exit code 7"):
        worker.run("vanish", {})


def test_close_ends_an_idle_worker_cleanly(worker):
    assert worker.close() == 0


def test_a_deaf_stage_does_not_outlive_its_parent(worker):
    job = worker.start("deaf", {})
    next(worker.events(job))
    started = time.monotonic()
    assert worker.close() == 1
    assert time.monotonic() - started < 20


PARENT = """
import sys, time
from engine.worker.client import Worker
worker = Worker([sys.executable, sys.argv[1]])
job = worker.start(sys.argv[2], {})
next(worker.events(job))
print(worker.hello.pid, flush=True)
time.sleep(600)
"""


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] == "Z"


@pytest.mark.skipif(sys.platform == "win32", reason="kills the parent with a POSIX signal")
@pytest.mark.parametrize("stage", ["obedient", "deaf"])
def test_no_orphan_is_left_when_the_parent_is_killed(stage):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(ODD), stage],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=worker_environment(),
    )
    pid = int(parent.stdout.readline())
    assert not gone(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 30
    tick = threading.Event()
    while not gone(pid) and time.monotonic() < deadline:
        tick.wait(0.05)
    assert gone(pid)
