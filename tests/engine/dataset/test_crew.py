"""Work in one process and in several."""

import contextlib
import os
import subprocess
import sys
import threading
from dataclasses import dataclass

import pytest

from engine.dataset.crew import devices_of, in_groups, together, work_through
from engine.protocol.context import RecordingContext
from engine.protocol.errors import BadParameters, Cancelled, MissingModel, WorkerDied
from engine.protocol.launch import worker_environment

ORPHANS = """
import os, sys
from engine.dataset.crew import work_through
from engine.protocol.context import RecordingContext
from tests.engine.dataset.test_crew import Double
if __name__ == "__main__":
    work = work_through(Double(), [[number] for number in range(50)], ("cpu", "cpu"), RecordingContext())
    print(next(work), flush=True)
    os._exit(9)  # as if killed: nothing is cleared up
"""


@dataclass(frozen=True)
class Double:
    """Doubles numbers; some words among them make it fail."""

    def read(self, group):
        return [(task, threading.current_thread() is threading.main_thread()) for task in group]

    def make(self, ready, device, kept):  # noqa: ARG002 - it needs neither
        if ready[0][0] == "die":
            os._exit(3)
        if ready[0][0] == "fail":
            raise MissingModel("There is no model at 这里.", hint="Put it there.")
        return [2 * task for task, _ in ready], os.getpid(), any(in_main for _, in_main in ready)


@pytest.mark.parametrize("devices", [("cpu",), ("cpu", "cpu")])
def test_every_group_is_done_once_and_read_on_another_thread(devices):
    groups = in_groups(list(range(23)), 3)
    found = dict(work_through(Double(), groups, devices, RecordingContext()))
    assert [value for number in sorted(found) for value in found[number][0]] == [2 * n for n in range(23)]
    assert not any(in_main for _, _, in_main in found.values())
    processes = {process for _, process, _ in found.values()}
    assert (os.getpid() in processes) == (len(devices) == 1)
    assert len(processes) <= len(devices)


@pytest.mark.parametrize("devices", [("cpu",), ("cpu", "cpu")])
def test_an_error_arrives_with_its_words(devices):
    with pytest.raises(MissingModel, match="这里") as caught:
        list(work_through(Double(), [[1], ["fail"], [2]], devices, RecordingContext()))
    assert caught.value.hint == "Put it there."


def test_a_process_that_ends_by_itself_is_said():
    with pytest.raises(WorkerDied, match="exit code 3") as caught:
        list(work_through(Double(), [["die"], [1]], ("cpu", "cpu"), RecordingContext()))
    assert "fewer" in caught.value.hint


@pytest.mark.parametrize("devices", [("cpu",), ("cpu", "cpu")])
def test_it_stops_when_asked(devices):
    context = RecordingContext()
    with contextlib.closing(work_through(Double(), [[n] for n in range(99)], devices, context)) as work:
        next(work)
        context.cancel()
        with pytest.raises(Cancelled):
            list(work)


def test_no_process_outlives_its_parent(tmp_path):
    script = tmp_path / "用户 it's 名.py"
    script.write_text(ORPHANS, encoding="utf-8")
    # The pipe ends when the last process that holds it has ended, also the crew's.
    done = subprocess.run(
        [sys.executable, script], stdout=subprocess.PIPE, env=worker_environment(), timeout=120, check=False
    )
    assert done.returncode == 9
    assert done.stdout.startswith(b"(")


def test_each_entry_is_a_process():
    assert devices_of("0-0", "cpu") == ("cpu", "cpu")
    assert devices_of(" 1 - 0-2 ", "cpu") == ("cpu", "cpu", "cpu")
    assert len(devices_of("", "auto")) == 1
    with pytest.raises(BadParameters):
        devices_of("0", "cuda:99")


def test_only_a_gpu_gets_several_clips_at_once():
    assert together(("cpu", "cpu")) == 1
    assert together(("cuda:0", "cuda:1")) > 1
