"""`.list` files: one `path|speaker|language|text` a line.

Facts of the format: `tests/parity` and the README's section on files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from engine.protocol.errors import BadLabels, MissingFile
from engine.protocol.files import replacing
from engine.protocol.languages import LABEL_LANGUAGES

LANGUAGE_ALIASES: Final = MappingProxyType({"jp": "ja"})
_FIELDS: Final = 4
_EDGES: Final = " '\"\n\r\t\u202a"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRow:
    """One clip and what is said in it.

    Attributes:
        path: As written in the file, cleaned of the quotes and marks that copying a path adds.
        speaker: Speaker's name; carried along.
        language: Lower-case code, aliases resolved (`JP` -> `ja`).
        text: What is said.
        line: Its line in the file that it was read from; 0 for a new row.
    """

    path: str
    speaker: str
    language: str
    text: str
    line: int = field(default=0, compare=False)

    def clip(self, base: Path, folder: Path | None = None) -> Path:
        """Where the clip is: in `folder` under its base name, or as written, relative to `base`."""
        if folder is not None:
            return folder / self.name
        written = Path(self.path)
        return written if written.is_absolute() else base / written

    @property
    def name(self) -> str:
        """The clip's file name: its key in all prepared data."""
        return self.path.replace("\\", "/").rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelProblem:
    """A line that cannot be used."""

    line: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelList:
    """What a `.list` file holds."""

    rows: tuple[LabelRow, ...]
    problems: tuple[LabelProblem, ...]


def read_labels(path: Path) -> LabelList:
    """Reads a `.list` file; lines that cannot be used come back with their numbers and reasons.

    Raises:
        MissingFile: there is no such file.
        BadLabels: the file is not UTF-8 text.
    """
    if not path.is_file():
        raise MissingFile(f"There is no label file at {path}.", hint="Choose an existing .list file.")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadLabels(
            f"{path} is not UTF-8 text.",
            hint="Save the file as UTF-8 in a text editor, then open it again.",
            detail=str(error),
        ) from error
    rows: list[LabelRow] = []
    problems: list[LabelProblem] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        parsed = parse_line(line, number)
        if isinstance(parsed, LabelRow):
            rows.append(parsed)
        else:
            problems.append(LabelProblem(line=number, text=line, reason=parsed))
    return LabelList(rows=tuple(rows), problems=tuple(problems))


def parse_line(line: str, number: int = 0) -> LabelRow | str:
    """The row in `line`, the file's line `number`; or the reason why there is none."""
    fields = line.split("|")
    if len(fields) != _FIELDS:
        return f"has {len(fields)} fields between '|' marks; needs 4: path|speaker|language|text"
    path, speaker, language, text = (field.strip(_EDGES) for field in fields)
    code = language.lower()
    code = LANGUAGE_ALIASES.get(code, code)
    if not path:
        return "names no sound file"
    if code not in LABEL_LANGUAGES:
        return f"has the language {language!r}; known are {', '.join(LABEL_LANGUAGES)}"
    if not text:
        return "has no text"
    return LabelRow(path=path.rstrip("/\\"), speaker=speaker, language=code, text=text, line=number)


def write_labels(path: Path, rows: Iterable[LabelRow]) -> None:
    """Writes a `.list` file whole: the old one stays until the new one is complete.

    Raises:
        BadLabels: a field holds a mark that the format cannot keep.
        OutOfSpace: the file cannot be written.
    """
    replace_text(path, labels_text(rows))


def labels_text(rows: Iterable[LabelRow]) -> str:
    """Rows as the text of a `.list` file.

    Raises:
        BadLabels: a field holds a mark that the format cannot keep.
    """
    return "".join(f"{_format(row)}\n" for row in rows)


def _format(row: LabelRow) -> str:
    fields = (row.path, row.speaker, row.language.upper(), row.text)
    for value in fields:
        if "|" in value or "\n" in value or "\r" in value:
            raise BadLabels(
                f"{value!r} holds a '|' or a line break, which a .list file cannot keep.",
                hint="Take the mark out of the text.",
            )
    return "|".join(fields)


def replace_text(path: Path, text: str) -> None:
    """Writes UTF-8 text under a temporary name and renames it over `path`.

    Raises:
        OutOfSpace: the file cannot be written.
    """
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def relative_rows(rows: Sequence[LabelRow], base: Path) -> tuple[LabelRow, ...]:
    """Rows whose clips lie below `base`, with their paths made relative to it; others unchanged."""
    made = []
    for row in rows:
        clip = Path(row.path)
        if clip.is_absolute() and clip.is_relative_to(base):
            made.append(replace(row, path=clip.relative_to(base).as_posix()))
        else:
            made.append(row)
    return tuple(made)
