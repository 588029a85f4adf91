"""Folders for libraries in C.

They open files by a plain name, and so fail on Windows where a path holds letters of another script.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from engine.protocol.errors import EngineError

_STORE: Final = "GSV Desktop"


def native_folder(
    folder: Path, *, opens_any_name: bool | None = None, stores: Iterable[Path] | None = None
) -> Path:
    """A folder with the same files, by a name that a library in C can open.

    Args:
        folder: The folder as installed.
        opens_any_name: Whether the system opens UTF-8 names as they are; None asks the system.
        stores: Folders of plain names where a copy may lie; None takes those of the system.

    Returns:
        The folder itself where its name will do, else a copy that is made once.

    Raises:
        EngineError: no store of a plain name can be written.
    """
    if opens_any_name is None:
        opens_any_name = os.name != "nt"
    if opens_any_name or str(folder).isascii():
        return folder
    refused = []
    for store in _system_stores() if stores is None else stores:
        if not str(store).isascii():
            continue
        try:
            return _copy(folder, store)
        except OSError as error:
            refused.append(str(error))
    raise EngineError(
        f"The language data in {folder} cannot be read: its path holds letters that the library cannot open.",
        hint="Install the program in a folder whose path has only plain letters, such as C:\\GSV.",
        detail="; ".join(refused),
    )


def _system_stores() -> list[Path]:
    named = [os.environ.get(name) for name in ("PROGRAMDATA", "LOCALAPPDATA", "PUBLIC")]
    return [*(Path(name) / _STORE for name in named if name), Path(tempfile.gettempdir()) / _STORE]


def _copy(folder: Path, store: Path) -> Path:
    """Copies a folder below a store unless it is there already; whole, or not at all."""
    target = store / f"{_mark(folder)}"
    if target.is_dir():
        return target
    store.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=store) as unfinished:
        made = shutil.copytree(folder, Path(unfinished) / "data")
        try:
            os.replace(made, target)
        except OSError:
            if not target.is_dir():  # another process may have been faster
                raise
    return target


def _mark(folder: Path) -> str:
    """Name of a copy: changes when the names, sizes or times of the files do."""
    facts = [
        (path.name, path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(folder.iterdir())
        if path.is_file()
    ]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
