"""One training at a time in a folder of states."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from engine.protocol.errors import AlreadyRunning
from engine.protocol.files import not_written

LOCK_FILE: Final = "training.lock"
OWNER_FILE: Final = "training.pid"


@contextmanager
def only_training(folder: Path) -> Iterator[None]:
    """Holds a folder of states for this process.

    The system itself lets go of the lock when a process ends in any way, so that a killed training
    stands in nobody's way.

    Raises:
        AlreadyRunning: another process trains there now.
        OutOfSpace: the folder cannot be written.
    """
    lock = FileLock(folder / LOCK_FILE, timeout=0)
    owner = folder / OWNER_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
        owner.write_text(str(os.getpid()), encoding="utf-8")
    except Timeout as error:
        raise AlreadyRunning(
            f"This training is already running{_named(owner)}: {folder}.",
            hint="Wait until it is done, or stop it first; a second one would overwrite its states.",
        ) from error
    except OSError as error:
        lock.release()
        raise not_written(owner, error) from error
    try:
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()


def _named(owner: Path) -> str:
    try:
        return f" (process {int(owner.read_text(encoding='utf-8'))})"
    except (OSError, ValueError):
        return ""
