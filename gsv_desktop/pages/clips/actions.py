"""What a page does that makes sound files of sound files."""

from __future__ import annotations

from pathlib import Path

from engine.protocol.stages.dataset import AUDIO_SUFFIXES

MAX_SHOWN = 20_000


def clips_in(folder: Path) -> list[Path]:
    """The sound files in a folder, by name; none when there is no such folder."""
    if not folder.is_dir():
        return []
    found = (path for path in folder.iterdir() if path.suffix.lower() in AUDIO_SUFFIXES)
    return sorted(found, key=lambda path: path.name)[:MAX_SHOWN]


def first_recording(path: Path) -> Path | None:
    """The recording to be shown for an input: itself, or the first of a folder."""
    if path.is_file():
        return path
    return next(iter(clips_in(path)), None)
