"""Syllables: a pinyin syllable with its tone digit as two phones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from engine.protocol.builtin import resource
from engine.text.symbols import MARKS

_TONES: Final = "12345"
_STAND_INS: Final[Mapping[str, str]] = MappingProxyType(
    {"n": "en", "ng": "eng", "m": "mu", "hm": "heng", "hng": "heng", "ê": "ei", "yai": "ya", "kiu": "qiu"}
)
"""Syllables outside the table that are close to one inside."""
_OWN_PAIRS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType({"fiao": ("f", "iao")})


@cache
def _pairs() -> Mapping[str, tuple[str, str]]:
    """Syllable without tone -> onset and rime."""
    table: dict[str, str] = json.loads(resource("text", "zh_syllables.json").read_text(encoding="utf-8"))
    pairs = {syllable: _pair(phones) for syllable, phones in table.items()}
    pairs |= {odd: pairs[near] for odd, near in _STAND_INS.items() if near in pairs}
    return MappingProxyType({**pairs, **_OWN_PAIRS})


def _pair(phones: str) -> tuple[str, str]:
    onset, rime = phones.split(" ")
    return onset, rime


def tone(syllable: str) -> str:
    """Its tone digit; empty for a mark."""
    return syllable[-1] if syllable[-1:] in _TONES else ""


def with_tone(syllable: str, number: str) -> str:
    """The syllable in another tone; a mark stays as it is."""
    return syllable[:-1] + number if tone(syllable) else syllable


def is_syllable(text: str) -> bool:
    """Whether a text is a pinyin syllable with a tone digit, such as "lv4" or "de5"."""
    return bool(text[-1:]) and text[-1] in _TONES and text[:-1] in _pairs()


def phones(syllable: str) -> tuple[str, ...]:
    """Onset and rime of a syllable; a mark is a phone by itself.

    Raises:
        ValueError: it is neither.
    """
    if syllable in MARKS:
        return (syllable,)
    if not is_syllable(syllable):
        raise ValueError(f"{syllable!r} is no syllable")
    onset, rime = _pairs()[syllable[:-1]]
    return onset, rime + syllable[-1]
