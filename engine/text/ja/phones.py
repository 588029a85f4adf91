"""Japanese text to phones with pitch marks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from engine.text.ja.accent import BORDER, marked_phones
from engine.text.ja.normalise import normalise
from engine.text.ja.openjtalk import MOST_LETTERS, openjtalk
from engine.text.ja.own_words import OwnWords
from engine.text.spoken import Spoken, TextSettings

# Letters, digits and common kanji; a point between digits belongs to the number.
_STRETCH: Final = re.compile(
    r"(?:[A-Za-z0-9々〆〇\u3040-\u309f\u30a0-\u30ff\u4e00-\u9fff]|(?<=[0-9])\.(?=[0-9]))+"
)
_MARKS: Final = MappingProxyType(
    {
        **dict.fromkeys(",、，：；·", ","),
        **dict.fromkeys(".。\n", "."),
        **dict.fromkeys("!！", "!"),
        **dict.fromkeys("?？", "?"),
        "…": "…",
        "-": "-",
        **dict.fromkeys("「」『』（）()【】《》〈〉[]“”‘’\"'", BORDER),
    }
)


def to_phones(text: str, settings: TextSettings) -> Spoken:
    """Phones of a Japanese text, with `[`, `]`, `#` and `_` as marks of pitch, phrases and pauses.

    Source: GPT-SoVITS text/japanese.py; parity: tests/parity/test_japanese.py.
    """
    own = OwnWords(settings.entries, text)
    written = normalise(own.hide(text))
    phones = tuple(_phones(written, own))
    return Spoken(norm_text=own.show(written), phones=phones)


def _phones(written: str, own: OwnWords) -> Iterator[str]:
    end = 0
    for stretch in _STRETCH.finditer(written):
        yield from _between(written[end : stretch.start()])
        yield from _stretch_phones(stretch[0].lower(), own)
        end = stretch.end()
    yield from _between(written[end:])


def _between(signs: str) -> Iterator[str]:
    """Phones of marks; a sign that is none is silent."""
    yield from (_MARKS[sign] for sign in signs if sign in _MARKS)


def _stretch_phones(stretch: str, own: OwnWords) -> Iterator[str]:
    library = openjtalk()
    for start in range(0, len(stretch), MOST_LETTERS):
        part = stretch[start : start + MOST_LETTERS]
        words = own.say(library, part)
        yield from marked_phones(library.labels(words)) if words else ()
