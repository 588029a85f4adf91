"""What the label page does."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.protocol.builtin import resource
from engine.protocol.errors import BadLabels, OutOfSpace
from engine.protocol.label_list import LabelProblem, LabelRow, read_labels, replace_text, write_labels


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLabels:
    """A label file as it is open in the page.

    Attributes:
        path: The file.
        rows: Its usable rows.
        missing: Numbers of rows whose clip is not there.
        problems: Lines that cannot be used.
    """

    path: Path
    rows: tuple[LabelRow, ...]
    missing: frozenset[int]
    problems: tuple[LabelProblem, ...]


def open_labels(path: Path) -> OpenLabels:
    """Reads a label file and looks for its clips.

    Raises:
        MissingFile: there is no such file.
        BadLabels: the file is not UTF-8 text.
    """
    read = read_labels(path)
    missing = frozenset(number for number, row in enumerate(read.rows) if not row.clip(path.parent).is_file())
    return OpenLabels(path=path, rows=read.rows, missing=missing, problems=read.problems)


def backup_of(path: Path) -> Path:
    """Where the old text of a label file goes."""
    return path.with_name(f"{path.name}.bak")


def save_labels(path: Path, rows: Sequence[LabelRow]) -> Path:
    """Saves the rows; the old file is kept beside it, and lines that could not be used stay at the end.

    Returns:
        The copy of the old file.

    Raises:
        BadLabels: a field holds a mark that the format cannot keep, or the file is the program's own.
        OutOfSpace: a file cannot be written.
    """
    if path.resolve().is_relative_to(resource().resolve()):
        raise BadLabels(
            f"{path.name} came with the program and stays as it is.",
            hint="Copy it into your own folder and open it there.",
        )
    copy = backup_of(path)
    if path.is_file():
        try:
            shutil.copyfile(path, copy)
        except OSError as error:
            raise OutOfSpace(
                f"The copy {copy} of the old labels cannot be written, so nothing was saved.",
                hint="Check free space and rights of the folder.",
                detail=str(error),
            ) from error
    unusable = read_labels(path).problems if path.is_file() else ()
    replace_text(path, _text_of(rows) + "".join(f"{part.text}\n" for part in unusable))
    return copy


def _text_of(rows: Sequence[LabelRow]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "draft.list"
        write_labels(draft, rows)
        return draft.read_text(encoding="utf-8")
