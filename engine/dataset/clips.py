"""The clips of a label file: which lines can be prepared, and why the others cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.protocol.context import Context
from engine.protocol.errors import NothingToDo
from engine.protocol.label_list import LabelRow, read_labels
from engine.protocol.results import Skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledClip:
    """A line of a label file with the place of its recording, which need not exist."""

    row: LabelRow
    path: Path

    @property
    def name(self) -> str:
        """The clip's file name: its key in all prepared data."""
        return self.row.name


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledClips:
    """What a label file holds."""

    clips: tuple[LabelledClip, ...]
    skipped: tuple[Skipped, ...]


def labelled_clips(labels: Path, workspace: Path, folder: Path | None = None) -> LabelledClips:
    """The clips that a label file names.

    Args:
        labels: The `.list` file.
        workspace: Where a relative path may begin, besides the label file's folder and the current one.
        folder: Where the clips are, under their base names; None takes the written paths.

    Raises:
        MissingFile: there is no label file.
        BadLabels: it is not UTF-8 text.
        NothingToDo: no line of it can be used.
    """
    listed = read_labels(labels)
    skipped = [
        Skipped(name=f"line {fault.line}", reason=f"It {fault.reason}: {fault.text[:80]!r}")
        for fault in listed.problems
    ]
    clips: list[LabelledClip] = []
    first_lines: dict[str, int] = {}
    for row in listed.rows:
        key = row.name.casefold()  # file systems of Windows and macOS do not tell a from A
        if key in first_lines:
            reason = (
                f"Line {row.line}: a clip of the same name is in line {first_lines[key]}; rename one of them."
            )
            skipped.append(Skipped(name=row.path, reason=reason))
            continue
        first_lines[key] = row.line
        clips.append(LabelledClip(row=row, path=_place(row, (labels.parent, workspace, Path()), folder)))
    if not clips:
        raise nothing_left(f"No line of {labels} can be used.", skipped)
    return LabelledClips(clips=tuple(clips), skipped=tuple(skipped))


def _place(row: LabelRow, bases: Sequence[Path], folder: Path | None) -> Path:
    if folder is not None:
        return row.clip(folder, folder)
    for base in bases:
        for written in (row.path, row.path.replace("\\", "/")):
            place = base / written
            if place.is_file():
                return place.absolute()
    return row.clip(bases[0].absolute())


def missing(clip: LabelledClip) -> Skipped:
    """The report of a clip whose recording is not there."""
    return Skipped(name=clip.name, reason=f"Line {clip.row.line}: there is no recording at {clip.path}.")


def nothing_left(message: str, skipped: Sequence[Skipped]) -> NothingToDo:
    """The error of a stage that no clip came out of."""
    first = f" {skipped[0].name}: {skipped[0].reason}" if skipped else ""
    return NothingToDo(
        message + first,
        hint="Check the label file and the folder of clips.",
        detail="\n".join(f"{one.name}: {one.reason}" for one in skipped),
    )


def tell(skipped: Sequence[Skipped], context: Context) -> None:
    """Logs what was left out."""
    for one in skipped:
        context.log(f"{one.name}: {one.reason}", "warning")
