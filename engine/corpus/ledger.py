"""Which items of a stage are done: so that it goes on where it stopped and redoes what has changed."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pydantic import Field, ValidationError

from engine.protocol.label_list import replace_text
from engine.protocol.model import StrictModel

_SAVE_EVERY_S: Final = 5.0


class Entry(StrictModel):
    """A finished item.

    Attributes:
        fingerprint: What it was made from.
        outputs: File name below the outputs' folder -> size in bytes.
        note: What is worth keeping of the result, such as a line of a manifest.
    """

    fingerprint: str
    outputs: dict[str, int] = Field(default_factory=dict)
    note: str = ""


class _Page(StrictModel):
    entries: dict[str, Entry] = Field(default_factory=dict)


class Ledger:
    """The record of finished items, kept as a JSON file; a file that cannot be read counts as empty.

    Use it as a context manager: it is saved from time to time and in the end, also after a failure.
    """

    def __init__(self, path: Path, folder: Path | None = None) -> None:
        self._path = path
        self._folder = folder or path.parent
        self._entries = _load(path)
        self._saved_s = time.monotonic()
        self._changed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.save()

    def entry(self, key: str) -> Entry | None:
        """What is known of an item."""
        return self._entries.get(key)

    def done(self, key: str, fingerprint: str) -> bool:
        """Whether the item was made from the same and its files are still what they were."""
        entry = self._entries.get(key)
        if entry is None or entry.fingerprint != fingerprint:
            return False
        return all(size_of(self._folder / name) == size for name, size in entry.outputs.items())

    def record(self, key: str, fingerprint: str, outputs: Iterable[Path] = (), note: str = "") -> None:
        """Notes that an item is finished; its files are complete on disk.

        Those that do not lie below the outputs' folder are known by their whole path.
        """
        sizes = {self._name(path): size_of(path) for path in outputs}
        self._entries[key] = Entry(fingerprint=fingerprint, outputs=sizes, note=note)
        self._changed = True
        if time.monotonic() - self._saved_s > _SAVE_EVERY_S:
            self.save()

    def _name(self, path: Path) -> str:
        return (path.relative_to(self._folder) if path.is_relative_to(self._folder) else path).as_posix()

    def forget(self, key: str) -> None:
        """Drops what is known of an item."""
        self._changed |= self._entries.pop(key, None) is not None

    def save(self) -> None:
        """Writes the file if anything has changed.

        Raises:
            OutOfSpace: the file cannot be written.
        """
        if self._changed:
            replace_text(self._path, _Page(entries=self._entries).model_dump_json(indent=1))
            self._changed = False
        self._saved_s = time.monotonic()


def _load(path: Path) -> dict[str, Entry]:
    if not path.is_file():
        return {}
    try:
        return dict(_Page.model_validate_json(path.read_text(encoding="utf-8")).entries)
    except (OSError, UnicodeDecodeError, ValidationError):
        return {}  # worth no more than the time to make the items again


def size_of(path: Path) -> int:
    """Size in bytes; -1 when there is no such file."""
    return path.stat().st_size if path.is_file() else -1


def file_mark(path: Path) -> str:
    """Changes when the file is written: its place, size and time."""
    if not path.exists():
        return f"{path} is not there"
    facts = path.stat()
    return f"{path} {facts.st_size} {facts.st_mtime_ns}"


def folder_mark(folder: Path) -> str:
    """Changes when a file directly in the folder is written."""
    return "\n".join(file_mark(path) for path in sorted(folder.glob("*")) if path.is_file())


def fingerprint(*parts: object) -> str:
    """A short digest of what an item is made from."""
    text = json.dumps([str(part) for part in parts], ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:32]
