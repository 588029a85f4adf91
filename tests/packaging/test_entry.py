"""One executable is window, worker, command line and helper: a stand-in for the frozen program is started."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.protocol.launch import COMMAND_FLAG, WORKER_FLAG, worker_environment
from engine.protocol.messages import Done
from engine.worker.client import Worker

ENTRY = Path(__file__).resolve().parents[2] / "packaging" / "entry.py"
STAND_IN = """#!{python} -P
import runpy, sys
sys.frozen = True
sys.executable = {program!r}
runpy.run_path({entry!r}, run_name="__main__")
"""
ASKS_ANOTHER = """
import multiprocessing, sys

def answer(pipe):
    pipe.send((sys.executable, getattr(sys, "frozen", False)))

def run(parameters, context):
    from engine.protocol.results import StageResult
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe()
    lock = spawning.Lock()  # on Linux and macOS this starts Python's resource tracker
    process = spawning.Process(target=answer, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    said = ours.recv()
    process.join()
    return StageResult(summary=str([*said, process.exitcode]))
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script with a first line")


@pytest.fixture
def program(tmp_path):
    """An executable that believes to be the frozen program."""
    folder = tmp_path / "用户 it's 名"
    folder.mkdir()
    made = folder / "gsv-desktop"
    text = STAND_IN.format(python=sys.executable, program=str(made), entry=str(ENTRY))
    made.write_text(text, encoding="utf-8")
    made.chmod(0o755)
    return made


def test_it_is_the_command_line(program):
    done = subprocess.run(
        [program, COMMAND_FLAG, "run", "slice", "--params", "-"],
        input=b'{"input": "/no/such/file.wav"}',
        capture_output=True,
        env=worker_environment(),
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stderr.decode()
    end = json.loads(done.stdout.splitlines()[-1])  # from a worker that it started as itself
    assert "no recording or folder" in end["message"]


def test_it_is_a_worker_whose_further_processes_are_it_again(program, monkeypatch):
    (program.parent / "asks_another.py").write_text(ASKS_ANOTHER, encoding="utf-8")
    (program.parent / "sitecustomize.py").write_text(
        "import dataclasses\n"
        "from types import MappingProxyType\n"
        "from engine.protocol.stages import registry\n"
        "spec = dataclasses.replace(registry.STAGES['slice'], entry='asks_another:run')\n"
        "registry.STAGES = MappingProxyType({**registry.STAGES, 'slice': spec})\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("PYTHONPATH", str(program.parent))
    with Worker([str(program), WORKER_FLAG], stderr=subprocess.DEVNULL) as worker:
        end = worker.run("slice", {"input": "x"})
    assert isinstance(end, Done), end
    assert end.result.summary == str([str(program), True, 0])


def test_it_is_the_window(program):
    done = subprocess.run(
        [program, "--help"], capture_output=True, env=worker_environment(), timeout=120, check=False
    )
    assert done.returncode == 0
    assert "workspace folder; the sample project" in done.stdout.decode("utf-8")
