"""Readings: which syllable a character is, in its word."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Final

from engine.text.symbols import MARKS
from engine.text.zh.syllables import is_syllable

_CACHED: Final = 50_000


@lru_cache(maxsize=_CACHED)
def read_word(text: str) -> tuple[str, ...]:
    """Syllables of a word, one a character, from pypinyin's dictionaries; marks stand for themselves."""
    from pypinyin import Style, lazy_pinyin

    if text in MARKS:
        return (text,)
    found: Sequence[str] = lazy_pinyin(text, style=Style.TONE3, neutral_tone_with_five=True)
    if len(found) == len(text) and all(map(is_syllable, found)):
        return tuple(found)
    return tuple(sign if sign in MARKS else read_character(sign) or "a5" for sign in text)


@cache
def read_character(sign: str) -> str | None:
    """Its first reading that has a sound in the phone table; None if there is none."""
    from pypinyin import Style, pinyin

    readings: list[list[str]] = pinyin(sign, style=Style.TONE3, heteronym=True, neutral_tone_with_five=True)
    return next((one for one in readings[0] if is_syllable(one)), None) if readings else None


def is_listed(text: str) -> bool:
    """Whether a word of several characters is in pypinyin's dictionary of phrases."""
    from pypinyin.constants import PHRASES_DICT

    return len(text) > 1 and text in PHRASES_DICT
