"""One training at a time in a folder; a dead one stands in nobody's way."""

import os
import subprocess
import sys

import pytest

from engine.protocol.errors import AlreadyRunning, OutOfSpace
from engine.protocol.launch import worker_environment
from engine.train.lock import OWNER_FILE, only_training

HOLDER = """
import sys
from pathlib import Path
from engine.train.lock import only_training
with only_training(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "用户 it's 名" / "logs_s2_v2"


@pytest.fixture
def holder(folder):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=worker_environment(),
        encoding="utf-8",
    ) as child:
        assert child.stdout.readline().strip() == "held"
        yield child
        child.kill()


def test_a_second_process_is_refused_with_the_first_ones_id(folder, holder):
    with pytest.raises(AlreadyRunning) as caught, only_training(folder):
        raise AssertionError("it was let in")
    assert f"process {holder.pid}" in caught.value.message
    assert str(folder) in caught.value.message
    assert caught.value.hint


def test_a_killed_process_leaves_nothing_to_clear_away(folder, holder):
    holder.kill()
    holder.wait()
    assert (folder / OWNER_FILE).is_file()
    with only_training(folder):
        assert (folder / OWNER_FILE).read_text(encoding="utf-8") == str(os.getpid())
    assert not (folder / OWNER_FILE).exists()


def test_the_folder_is_free_again_after_a_fault(folder):
    with pytest.raises(KeyError), only_training(folder):
        raise KeyError("a bug")
    with only_training(folder):
        pass


def test_a_folder_that_cannot_be_made_is_named(folder):
    folder.parent.mkdir()
    folder.write_bytes(b"a file stands there")
    with pytest.raises(OutOfSpace, match="logs_s2_v2"), only_training(folder):
        raise AssertionError("it was let in")
