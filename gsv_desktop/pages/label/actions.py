"""What the label page does with files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from engine.protocol.builtin import resource
from engine.protocol.checkup import Finding, checkup_beside, read_checkup
from engine.protocol.errors import BadLabels, OutOfSpace
from engine.protocol.label_list import LabelProblem, LabelRow, labels_text, read_labels, replace_text
from engine.protocol.transcripts import Word, read_transcripts, transcripts_beside
from gsv_desktop.pages.label.table import ClipFacts, RowFindings

LOOKED_AT_ONCE: Final = 2000
"""So many clips are looked for while a file is opened; those of a longer list afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLabels:
    """A label file as it is open in the page.

    Attributes:
        path: The file.
        rows: Its usable rows.
        missing: Paths, as written, of clips that are not there; empty when that is still to be found out.
        problems: Lines that cannot be used.
        facts: What speech recognition left beside the file, by clip name.
        words: When each word of a clip was said, by clip name.
        findings: What the last check found, where the row is still what it was.
    """

    path: Path
    rows: tuple[LabelRow, ...]
    missing: frozenset[str]
    problems: tuple[LabelProblem, ...]
    facts: Mapping[str, ClipFacts] = field(default_factory=dict)
    words: Mapping[str, tuple[Word, ...]] = field(default_factory=dict)
    findings: Mapping[LabelRow, RowFindings] = field(default_factory=dict)


def open_labels(path: Path) -> OpenLabels:
    """Reads a label file and what stands beside it; the clips of a short list are looked for.

    Raises:
        MissingFile: there is no such file.
        BadLabels: the file is not UTF-8 text.
    """
    read = read_labels(path)
    heard = read_transcripts(transcripts_beside(path))
    few = len(read.rows) <= LOOKED_AT_ONCE
    return OpenLabels(
        path=path,
        rows=read.rows,
        missing=frozenset(row.path for row in read.rows if few and not row.clip(path.parent).is_file()),
        problems=read.problems,
        facts={
            name: ClipFacts(length_s=part.seconds, confidence=part.confidence) for name, part in heard.items()
        },
        words={name: part.words for name, part in heard.items() if part.words},
        findings=findings_of(path, read.rows),
    )


def findings_of(path: Path, rows: Iterable[LabelRow]) -> dict[LabelRow, RowFindings]:
    """What the last check of a label file found about rows that are still what they were."""
    found = read_checkup(checkup_beside(path))
    if found is None:
        return {}
    by_clip: dict[str, list[Finding]] = {}
    for one in found.findings:
        by_clip.setdefault(one.clip, []).append(one)
    return {row: _row_findings(by_clip[row.path]) for row in rows if row.path in by_clip}


def _row_findings(found: Sequence[Finding]) -> RowFindings:
    return RowFindings(
        words=", ".join(dict.fromkeys(one.rule.value for one in found)),
        details="\n".join(
            f"{one.rule.value}: {one.measured} ({one.limit}) → {one.remedy.value}" for one in found
        ),
        drops=any(one.drops for one in found),
    )


def backup_of(path: Path) -> Path:
    """Where the old text of a label file goes."""
    return path.with_name(f"{path.name}.bak")


def is_own(path: Path) -> bool:
    """Whether a file came with the program and is not to be written."""
    return path.resolve().is_relative_to(resource().resolve())


def back_up(path: Path) -> Path:
    """Copies a label file beside itself.

    Returns:
        The copy.

    Raises:
        OutOfSpace: the copy cannot be written.
    """
    copy = backup_of(path)
    try:
        shutil.copyfile(path, copy)
    except OSError as error:
        raise OutOfSpace(
            f"The copy {copy} of the old labels cannot be written, so nothing was saved.",
            hint="Check free space and rights of the folder.",
            detail=str(error),
        ) from error
    return copy


def save_labels(path: Path, rows: Sequence[LabelRow], unusable: Sequence[LabelProblem] = ()) -> None:
    """Saves the rows; lines that could not be used stay at the end.

    Raises:
        BadLabels: a field holds a mark that the format cannot keep, or the file is the program's own.
        OutOfSpace: the file cannot be written.
    """
    if is_own(path):
        raise BadLabels(
            f"{path.name} came with the program and stays as it is.",
            hint="Copy it into your own folder and open it there.",
        )
    replace_text(path, labels_text(rows) + "".join(f"{part.text}\n" for part in unusable))


def find_moved(rows: Iterable[tuple[int, LabelRow]], folder: Path) -> dict[int, Path]:
    """Looks for clips by their names in a folder and all below it.

    Args:
        rows: numbers and rows whose clips are not there.
        folder: where to look.

    Returns:
        number -> file; where several files have the name, the one whose path is most like the old one's.
    """
    wanted: dict[str, list[int]] = {}
    old: dict[int, tuple[str, ...]] = {}
    for number, row in rows:
        wanted.setdefault(row.name.casefold(), []).append(number)
        old[number] = tuple(row.path.replace("\\", "/").casefold().split("/"))
    found: dict[int, Path] = {}
    for where, _, names in os.walk(folder):
        for name in names:
            for number in wanted.get(name.casefold(), ()):
                path = Path(where) / name
                if number not in found or _alike(path, old[number]) > _alike(found[number], old[number]):
                    found[number] = path
    return found


def _alike(path: Path, old: tuple[str, ...]) -> int:
    """How many folders above the file have the names that they had."""
    count = 0
    for mine, its in zip(reversed(path.parts), reversed(old), strict=False):
        if mine.casefold() != its:
            break
        count += 1
    return count


def parted_words(words: Sequence[Word], second: float) -> tuple[str, str] | None:
    """What was said before and after a second; None when one side has no word."""
    before = [word.text for word in words if (word.start_s + word.stop_s) / 2 < second]
    after = [word.text for word in words[len(before) :]]
    if not before or not after:
        return None
    return " ".join(before), " ".join(after)
