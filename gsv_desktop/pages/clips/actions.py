"""What a page does that makes sound files of sound files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.protocol.stages.dataset import AUDIO_SUFFIXES

MAX_SHOWN = 20_000


def clips_in(folder: Path) -> list[Path]:
    """The sound files in a folder, by name; none when there is no such folder."""
    if not folder.is_dir():
        return []
    found = (path for path in folder.iterdir() if path.suffix.lower() in AUDIO_SUFFIXES)
    return sorted(found, key=lambda path: path.name)[:MAX_SHOWN]


def recordings(paths: Sequence[Path]) -> list[Path]:
    """The recordings of an input: the files that are named, and those of the folders, each once."""
    found = (file for path in paths for file in ([path] if path.is_file() else clips_in(path)))
    return list(dict.fromkeys(found))
