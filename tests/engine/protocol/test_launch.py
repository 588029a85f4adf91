"""Processes are started the same way from a checkout and from the frozen program."""

import sys
from pathlib import Path

import pytest

from engine.protocol.launch import (
    Role,
    engine_command,
    read_role,
    read_tracker,
    window_command,
    worker_command,
)

TRACKER = "from multiprocessing.resource_tracker import main;main(7)"


@pytest.fixture
def frozen(monkeypatch, tmp_path):
    program = str(tmp_path / "用户 it's 名" / "GSV Desktop.exe")
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", program)
    return program


def test_a_checkout_starts_modules():
    assert worker_command() == [sys.executable, "-P", "-m", "engine.worker"]
    assert engine_command("serve", "--port", "0")[1:] == ["-P", "-m", "engine", "serve", "--port", "0"]
    assert window_command(Path("w"), "label")[1:] == ["-m", "gsv_desktop", "w", "--page", "label"]


def test_the_frozen_program_starts_itself_and_knows_what_it_was_started_as(frozen):
    commands = {
        Role.WORKER: worker_command(),
        Role.COMMAND: engine_command("serve", "--workspace", "它 it's"),
        Role.WINDOW: window_command(Path("它 it's"), "label", Path("a b.list")),
    }
    assert {command[0] for command in commands.values()} == {frozen}
    assert {role: read_role(command[1:])[0] for role, command in commands.items()} == {
        role: role for role in commands
    }
    assert read_role(commands[Role.COMMAND][1:])[1] == ["serve", "--workspace", "它 it's"]
    assert read_role(commands[Role.WINDOW][1:])[1] == ["它 it's", "--page", "label", "--labels", "a b.list"]


@pytest.mark.parametrize(
    ("arguments", "role"),
    [
        ([], Role.WINDOW),
        (["C:\\用户\\p"], Role.WINDOW),
        (["--multiprocessing-fork", "parent_pid=4", "pipe_handle=9"], Role.HELPER),
        (["-E", "-c", TRACKER], Role.HELPER),
        (["-c", "import os; os.abort()"], Role.WINDOW),
        (["-c", TRACKER + "; import os"], Role.WINDOW),
    ],
)
def test_what_it_was_started_as_stands_in_the_arguments(arguments, role):
    assert read_role(arguments)[0] is role


def test_only_the_trackers_own_line_is_run():
    assert read_tracker(["-c", TRACKER]) == 7
    assert read_tracker([TRACKER]) is None
    assert read_tracker([]) is None
