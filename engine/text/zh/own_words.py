"""The user's own words: taken out of the text before any rule can touch them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from engine.text.zh.numerals import digits
from engine.text.zh.signs import FIRST_PLACE, LAST_PLACE, plain
from engine.text.zh.syllables import is_syllable

_BLANK: Final = "某"
"""Shown to the text encoder, which knows Chinese only, for a letter of the user's word."""


@dataclass(frozen=True, slots=True)
class OwnWord:
    """A word of the user's dictionary as it stands in a text.

    Attributes:
        shown: Its characters; digits and letters are replaced by characters.
        syllables: How it is said; the number may differ from that of the characters.
    """

    shown: str
    syllables: tuple[str, ...]

    def shares(self) -> list[tuple[str, ...]]:
        """The syllables of each character; the last one takes those that are left."""
        last = len(self.shown) - 1
        return [
            self.syllables[place:] if place == last else self.syllables[place : place + 1]
            for place in range(len(self.shown))
        ]


def protect(text: str, entries: Mapping[str, tuple[str, ...]]) -> tuple[str, Mapping[str, OwnWord]]:
    """Puts one private sign in the place of each of the user's words; the longest word wins.

    Returns:
        The text, and what each of the signs stands for.
    """
    known = _usable(frozenset(entries.items()))
    longest = max(map(len, known), default=0)
    found: dict[str, OwnWord] = {}
    parts: list[str] = []
    place = 0
    while place < len(text):
        word = _word_at(text, place, longest, known)
        if word and ord(FIRST_PLACE) + len(found) <= ord(LAST_PLACE):
            sign = chr(ord(FIRST_PLACE) + len(found))
            found[sign] = known[word]
            parts.append(sign)
            place += len(word)
        else:
            parts.append(text[place])
            place += 1
    return "".join(parts), found


def _word_at(text: str, place: int, longest: int, known: Mapping[str, OwnWord]) -> str:
    """The longest known word that starts here, or nothing; numbers and Latin words are not cut."""
    for size in range(min(longest, len(text) - place), 0, -1):
        word = text[place : place + size]
        if word in known and not _cuts(text, place) and not _cuts(text, place + size):
            return word
    return ""


def _cuts(text: str, place: int) -> bool:
    left, right = text[place - 1 : place] if place else "", text[place : place + 1]
    both = left + right
    return len(both) > 1 and both.isascii() and ((left.isdigit() and right.isdigit()) or both.isalpha())


@lru_cache(maxsize=4)
def _usable(entries: frozenset[tuple[str, tuple[str, ...]]]) -> Mapping[str, OwnWord]:
    """Entries in the spelling that texts have here; those that cannot be said are left out."""
    known: dict[str, OwnWord] = {}
    for word, syllables in sorted(entries):
        said = tuple(syllable.lower().replace("ü", "v").replace("u:", "v") for syllable in syllables)
        spelled = plain(word)
        if spelled and said and all(map(is_syllable, said)):
            known[spelled] = OwnWord("".join(map(_shown, spelled)), said)
    return MappingProxyType(known)


def _shown(sign: str) -> str:
    if sign.isascii():
        return digits(sign) if sign.isdigit() else _BLANK
    return sign
