"""How processes of this program are started, from a checkout or from the installed (frozen) program.

The frozen program is one executable. What a process of it is to be stands in its first argument; this module
writes that argument and reads it.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

import engine

_PAGE_WORD: Final = "show "
WORKER_FLAG: Final = "--engine-worker"
COMMAND_FLAG: Final = "--engine-command"
HELPER_FLAG: Final = "--multiprocessing-fork"
_TRACKER: Final = re.compile(r"from multiprocessing\.resource_tracker import main;\s*main\((?P<pipe>\d+)\)")


class Role(StrEnum):
    """What a process of the frozen program is."""

    WINDOW = "window"
    WORKER = "worker"
    COMMAND = "command"
    HELPER = "helper"
    """One of Python's own: a process of a training or preparation that another one started."""


def is_frozen() -> bool:
    """Whether this is the installed program, and not a checkout."""
    return bool(getattr(sys, "frozen", False))


def read_role(arguments: Sequence[str]) -> tuple[Role, list[str]]:
    """What a process of the frozen program was started as, and the arguments that are left.

    Args:
        arguments: all of them, without the program.
    """
    first, rest = (arguments[0], list(arguments[1:])) if arguments else ("", [])
    if first == WORKER_FLAG:
        return Role.WORKER, rest
    if first == COMMAND_FLAG:
        return Role.COMMAND, rest
    if first == HELPER_FLAG or read_tracker(arguments) is not None:
        return Role.HELPER, list(arguments)
    return Role.WINDOW, list(arguments)


def read_tracker(arguments: Sequence[str]) -> int | None:
    """The pipe of Python's resource tracker, which it starts with `-c` and a line; None for anything else."""
    found = _TRACKER.fullmatch(arguments[-1]) if "-c" in arguments[-2:-1] else None
    return int(found["pipe"]) if found else None


def worker_command() -> list[str]:
    """Program and arguments of a worker.

    `-P` keeps the working folder out of the import path, so that a user's folder called `engine` does no
    harm.
    """
    if is_frozen():
        return [sys.executable, WORKER_FLAG]
    return [sys.executable, "-P", "-m", "engine.worker"]


def page_request(page: str, labels: Path | None) -> str:
    """The line with which a server asks the window that started it for a page."""
    return f"{_PAGE_WORD}{json.dumps({'page': page, 'labels': str(labels or '')})}"


def read_page_request(line: str) -> tuple[str, str] | None:
    """Page and label file of such a line; None for any other."""
    if not line.startswith(_PAGE_WORD):
        return None
    asked = json.loads(line.removeprefix(_PAGE_WORD))
    return str(asked["page"]), str(asked["labels"])


def window_command(workspace: Path, page: str, labels: Path | None = None) -> list[str]:
    """Program and arguments of the window, open on a page.

    Args:
        workspace: The workspace that it shows.
        page: The stage of the page.
        labels: The label file that its page shows; None for the one of the last time.
    """
    program = [sys.executable] if is_frozen() else [sys.executable, "-m", "gsv_desktop"]
    shown = ["--labels", str(labels)] if labels else []
    return [*program, str(workspace), "--page", page, *shown]


def engine_command(*arguments: str) -> list[str]:
    """Program and arguments of a command of `python -m engine`; the frozen program knows it by a flag."""
    if is_frozen():
        return [sys.executable, COMMAND_FLAG, *arguments]
    return [sys.executable, "-P", "-m", "engine", *arguments]


def worker_environment() -> dict[str, str]:
    """Environment of a worker: UTF-8 whatever the system's locale, and our packages importable."""
    environment = dict(os.environ)
    environment["PYTHONUTF8"] = "1"
    # Threads that spin while they wait make a busy machine several times slower.
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    environment["HF_HUB_OFFLINE"] = "1"
    environment["TRANSFORMERS_OFFLINE"] = "1"
    root = str(Path(engine.__file__).resolve().parent.parent)
    paths = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    if root not in paths:
        environment["PYTHONPATH"] = os.pathsep.join([root, *paths])
    return environment
