"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.protocol.errors import OutOfSpace


@contextmanager
def replacing(path: Path, *, synced: bool = False) -> Iterator[Path]:
    """A temporary name beside `path`: what is written there takes `path`'s place when all went well.

    Args:
        path: the file to write; its folder is made.
        synced: wait until the disk has it before the old file goes, so that one of the two outlives a
            loss of power.

    Raises:
        OutOfSpace: the file cannot be written; what was there before stays.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{uuid.uuid4().hex[:12]}.part{path.suffix}")
        try:
            yield temporary
            if synced:
                with temporary.open("r+b") as file:
                    os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise not_written(path, error) from error


def remove_parts(folder: Path) -> None:
    """Removes what a process that was killed left half written in a folder; nobody else may write there."""
    if folder.is_dir():
        for path in folder.glob(".????????????.part*"):
            path.unlink(missing_ok=True)


def not_written(path: Path, error: Exception) -> OutOfSpace:
    """What is said when a file could not be written."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return OutOfSpace(
            f"{path} was not saved: the disk is full.",
            hint="Free some space or choose another folder.",
            detail=str(error),
        )
    return OutOfSpace(
        f"{path} was not saved: it cannot be written.",
        hint="Close other programs that use it, and check free space and rights of the folder.",
        detail=str(error),
    )
