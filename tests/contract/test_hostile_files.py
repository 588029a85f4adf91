"""A folder of hostile weight files: each refused in its own words, quickly, and nothing in them runs."""

import contextlib
import io
import json
import pickle
import re
import subprocess
import sys
import zipfile

import pytest

from engine.protocol.messages import Failed
from engine.worker.client import Worker
from tests.contract.hostile_files import HOSTILE, MISFITS, write_all
from tests.parity.kit.official import foreign_class

_RUNNING = [name for name, hostile in HOSTILE.items() if hostile.runs]

_CHILD = """
import json, sys, time
from pathlib import Path
from engine.checkpoints.fit import require_kind
from engine.checkpoints.inspection import ModelKind, inspect
from engine.checkpoints.reader import read_checkpoint
from engine.protocol.errors import EngineError

try:
    import resource
except ImportError:  # Windows
    resource = None

def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 if resource else 0

def outcome(step):
    try:
        return step(), None
    except EngineError as error:
        return None, error.message

if resource and sys.platform == "linux":
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 10**9, used + 10**9))

for path in map(Path, sys.argv[1:]):
    before, started = peak_mb(), time.process_time()
    info, inspected = outcome(lambda: inspect(path))
    loaded = inspected or outcome(lambda: require_kind(info, ModelKind.SOVITS) or read_checkpoint(path))[1]
    print(json.dumps({
        "name": path.name,
        "refused": list(info.refused) if info else None,
        "inspected": inspected,
        "loaded": loaded,
        "cpu_s": time.process_time() - started,
        "grown_mb": peak_mb() - before,
    }), flush=True)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("用户 it's 名")


@pytest.fixture(scope="module")
def canary(folder):
    return folder / "something ran"


@pytest.fixture(scope="module")
def files(folder, canary):
    below = folder / "weights"
    below.mkdir()
    return write_all(below, {**HOSTILE, **MISFITS}, canary)


@pytest.fixture(scope="module")
def reports(files, canary):
    """What a process of its own says of every file, allowed one gigabyte more than it starts with."""
    paths = [str(files[name]) for name in HOSTILE]
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, *paths], capture_output=True, text=True, check=True, encoding="utf-8"
    )
    return {report["name"]: report for report in map(json.loads, done.stdout.splitlines())}


@pytest.fixture(scope="module")
def worker():
    with Worker(stderr=subprocess.DEVNULL) as running:
        yield running


class _Careless(pickle.Unpickler):
    """Opens files as one should not."""

    def persistent_load(self, _):
        return None


@pytest.mark.parametrize("name", _RUNNING)
def test_the_trap_works_when_a_file_is_opened_carelessly(tmp_path, name):
    canary = tmp_path / "用户 it's caught"
    path = write_all(tmp_path, {name: HOSTILE[name]}, canary)[name]
    content = path.read_bytes()
    stream = io.BytesIO(content)
    if content[2:4] == b"\x03\x04":
        with zipfile.ZipFile(io.BytesIO(b"PK" + content[2:])) as archive:
            stream = io.BytesIO(archive.read("archive/data.pkl"))
    with contextlib.suppress(Exception), foreign_class("utils", "HParams"):
        while True:
            _Careless(stream).load()
    assert canary.is_dir()


@pytest.mark.parametrize("name", HOSTILE)
def test_each_file_is_refused_in_its_own_words(reports, files, canary, name):
    wanted, report = HOSTILE[name], reports[name]
    assert str(files[name]) in report["loaded"]
    assert re.search(wanted.said, report["loaded"])
    if wanted.runs:
        assert report["refused"]
    elif wanted.loads:
        assert report["refused"] == []
    else:
        assert report["inspected"] == report["loaded"]
    assert report["cpu_s"] < 2
    assert report["grown_mb"] < 500
    assert not canary.exists()


@pytest.mark.parametrize("name", [*HOSTILE, *MISFITS])
def test_a_worker_that_shall_speak_with_it_says_so_and_lives(worker, files, canary, name):
    end = worker.run("speak", {"text": "Hello.", "voice": "starter", "sovits": str(files[name])})
    assert isinstance(end, Failed)
    assert end.code == "bad_checkpoint"
    assert name in end.message
    assert re.search({**HOSTILE, **MISFITS}[name].said, end.message)
    assert end.hint
    assert not canary.exists()


@pytest.mark.parametrize("name", ["system.pth", "truncated.pth", "nan.pth", "absurd.pth"])
def test_the_same_in_the_place_of_the_gpt(worker, files, canary, name):
    end = worker.run("speak", {"text": "Hello.", "voice": "starter", "gpt": str(files[name])})
    said = "SoVITS weights, not GPT weights" if name == "nan.pth" else HOSTILE[name].said
    assert isinstance(end, Failed)
    assert re.search(said, end.message)
    assert not canary.exists()


@pytest.mark.parametrize(("name", "code"), [("system.pth", 0), ("deflated.pth", 1), ("text.pth", 1)])
def test_the_command_line_says_it_too(files, canary, name, code):
    done = subprocess.run(
        [sys.executable, "-m", "engine", "inspect", str(files[name])],
        capture_output=True, text=True, check=False, encoding="utf-8", timeout=60,
    )  # fmt: skip
    assert done.returncode == code
    if code:
        assert re.search(HOSTILE[name].said, done.stderr)
        assert "Traceback" not in done.stderr
    else:
        found = json.loads(done.stdout)
        assert (found["safe"], found["kind"]) == (False, "unknown")
        assert found["refused"]
    assert not canary.exists()
