"""What a stage takes sounds from: a file, a folder, or several of either."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field, JsonValue

Several = Annotated[tuple[Path, ...], Field(min_length=1)]
Sources = Path | Several
"""A parameter that takes one path or a list of them."""


def as_paths(given: Path | Sequence[Path]) -> tuple[Path, ...]:
    """The paths, absolute, each only once, in their order."""
    paths = (given,) if isinstance(given, Path) else given
    return tuple(dict.fromkeys(path.absolute() for path in paths))


def paths_in(value: JsonValue) -> tuple[Path, ...]:
    """The paths of a value as forms and files keep it: a text or a list of texts; none of anything else."""
    texts = value if isinstance(value, list) else [value]
    return tuple(Path(text) for text in texts if isinstance(text, str) and text)


def source_folders(given: Path | Sequence[Path]) -> frozenset[Path]:
    """The folders that the sounds lie in."""
    return frozenset(path if path.is_dir() else path.parent for path in as_paths(given))


def told(given: Path | Sequence[Path]) -> str:
    """The paths as a sentence names them."""
    paths = as_paths(given)
    return str(paths[0]) if len(paths) == 1 else f"the {len(paths)} chosen files and folders"


def list_name(given: Path | Sequence[Path]) -> str:
    """Name of the `.list` file of these sounds: the folder's or file's; `a+2.list` for a.wav and two more."""
    first, *more = as_paths(given)
    own = first.stem if first.is_file() else first.name
    return f"{own or 'labels'}{f'+{len(more)}' if more else ''}.list"


def speaker_name(given: Path | Sequence[Path]) -> str:
    """Who speaks, when nobody says: the name of the first sound's folder."""
    first = as_paths(given)[0]
    return first.parent.name if first.is_file() else first.name
