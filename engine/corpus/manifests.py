"""The two manifests of an experiment: `2-name2text.txt` and `6-name2semantic.tsv`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.protocol.label_list import replace_text

SEMANTIC_HEADER: Final = "item_name\tsemantic_audio"
_TEXT_FIELDS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRow:
    """Phones of a clip.

    Attributes:
        name: The clip's file name.
        phones: Phone symbols.
        word2ph: Phones for each character of `norm_text`; None where the language has none.
        norm_text: The text as spoken.
    """

    name: str
    phones: tuple[str, ...]
    word2ph: tuple[int, ...] | None
    norm_text: str

    def as_line(self) -> str:
        """The row as the original writes it: a list or None in Python's notation in the middle."""
        counts = None if self.word2ph is None else list(self.word2ph)
        return "\t".join((self.name, " ".join(self.phones), str(counts), self.norm_text))


def write_text_lines(path: Path, lines: Iterable[str]) -> None:
    """Writes `2-name2text.txt` whole.

    Raises:
        OutOfSpace: the file cannot be written.
    """
    replace_text(path, "".join(f"{line}\n" for line in lines))


def read_text_rows(path: Path) -> dict[str, TextRow]:
    """Rows by clip name; lines of another form are left out, a missing file has none."""
    rows = {}
    for line in _lines(path):
        fields = line.split("\t")
        if len(fields) != _TEXT_FIELDS:
            continue
        name, phones, counts, norm_text = fields
        numbers = [part for part in counts.strip("[] ").split(",") if part.strip().isdigit()]
        rows[name] = TextRow(
            name=name,
            phones=tuple(phones.split()),
            word2ph=tuple(int(number) for number in numbers) if counts.startswith("[") else None,
            norm_text=norm_text,
        )
    return rows


def write_semantic(path: Path, tokens: Mapping[str, Sequence[int]]) -> None:
    """Writes `6-name2semantic.tsv` whole.

    Raises:
        OutOfSpace: the file cannot be written.
    """
    lines = [SEMANTIC_HEADER]
    lines += (f"{name}\t{' '.join(str(token) for token in row)}" for name, row in tokens.items())
    replace_text(path, "".join(f"{line}\n" for line in lines))


def read_semantic(path: Path) -> dict[str, tuple[int, ...]]:
    """Semantic tokens by clip name; lines of another form are left out, a missing file has none."""
    found = {}
    for line in _lines(path):
        name, tab, tokens = line.partition("\t")
        if line == SEMANTIC_HEADER or not tab:
            continue
        parts = tokens.split()
        if parts and all(part.isdigit() for part in parts):
            found[name] = tuple(int(part) for part in parts)
    return found


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        return []
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    return [line for line in text.replace("\r\n", "\n").split("\n") if line]
