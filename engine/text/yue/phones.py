"""Cantonese text to phones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from engine.text.spoken import Spoken, TextSettings
from engine.text.symbols import MARKS
from engine.text.yue.readings import has_reading, readings
from engine.text.yue.syllables import phones
from engine.text.zh.normalise import normalise
from engine.text.zh.numerals import cardinal
from engine.text.zh.signs import FIRST_PLACE, LAST_PLACE, LONG_PAUSE, SHORT_PAUSE, plain

_PLACE: Final = re.compile(f"([{FIRST_PLACE}-{LAST_PLACE}])")
_PAUSES: Final = re.compile(f"[{LONG_PAUSE}{SHORT_PAUSE}]")
# Characters that the rules of Mandarin would change or leave out.
_OWN_CHARACTERS: Final = re.compile(r"[嗯呣\u3400-\u4dbf\U00020000-\U0003ffff]")
_MARK_RUN: Final = re.compile(r"[!！?？…]{2,}")
_DRAWN_OUT: Final = re.compile(r"(?<![0-9%℃度])[~～]+|[~～]+(?![0-9])")
_AMOUNT: Final = re.compile(r"(?<![0-9.,])([0-9]+)(?=[蚊嚿粒隻架煲])")
_MARK_OF: Final = MappingProxyType({"！": "!", "？": "?"})
_TWO: Final = "2"


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the rules must not touch; without syllables it is read as the characters around it.

    Attributes:
        shown: Its characters.
        syllables: Jyutping, one or more, if the user gave it.
    """

    shown: str
    syllables: tuple[str, ...] = ()


class _Places:
    """Private signs in the places of what is kept."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}

    def keep(self, kept: _Kept) -> str:
        """A sign for something, or the thing itself when there are no more signs."""
        sign = chr(ord(FIRST_PLACE) + len(self._kept))
        if sign > LAST_PLACE:
            return kept.shown
        self._kept[sign] = kept
        return sign

    def of(self, sign: str) -> _Kept:
        """What a sign stands for; a sign that is no place stands for itself."""
        return self._kept.get(sign) or _Kept(sign)


def to_phones(text: str, settings: TextSettings) -> Spoken:
    """Phones of a Cantonese text, two for each syllable; what cannot be read is left out."""
    places = _Places()
    written = _normal(text, settings.entries, places)
    kept = [places.of(sign) for sign in written]
    heard = readings("".join(word.shown for word in kept))
    shown: list[str] = []
    sounds: list[tuple[str, ...]] = []
    end = 0
    for word in kept:
        start, end = end, end + len(word.shown)
        said = _shares(word) if word.syllables else heard[start:end]
        for character, syllables in zip(word.shown, said, strict=True):
            sound = _sound(character, syllables)
            if sound or word.syllables:
                shown.append(character)
                sounds.append(sound)
    return Spoken(
        norm_text="".join(shown),
        phones=tuple(phone for sound in sounds for phone in sound),
        word2ph=tuple(map(len, sounds)),
    )


def _sound(character: str, syllables: tuple[str, ...]) -> tuple[str, ...]:
    if character in MARKS:
        return (character,)
    return tuple(phone for syllable in syllables for phone in phones(syllable))


def _shares(word: _Kept) -> list[tuple[str, ...]]:
    """The syllables of each character of the user's word; the last one takes those that are left."""
    last = len(word.shown) - 1
    return [
        word.syllables[place:] if place == last else word.syllables[place : place + 1]
        for place in range(len(word.shown))
    ]


def _normal(text: str, entries: Mapping[str, tuple[str, ...]], places: _Places) -> str:
    """The text by the rules of Chinese, with places for what these would spoil."""
    text = _PLACE.sub("", text)
    text = _own_words(text, entries, places)
    text = _OWN_CHARACTERS.sub(lambda found: _character(found[0], places), text)
    text = _MARK_RUN.sub(lambda found: "".join(_mark(sign, places) for sign in found[0]), text)
    text = _DRAWN_OUT.sub(lambda _: _mark("-", places), text)
    text = _AMOUNT.sub(lambda found: "两" if found[1] == _TWO else cardinal(found[1]), text)
    parts = (part if _PLACE.match(part) else plain(part) for part in _PLACE.split(text))
    spoken = _PAUSES.sub(",", normalise("".join(parts)))
    return spoken if "幺" in text else spoken.replace("幺", "一")  # telephone numbers have a plain one


def _own_words(text: str, entries: Mapping[str, tuple[str, ...]], places: _Places) -> str:
    """The text with places for the user's words; the longest wins."""
    known = {word: units for word, units in entries.items() if word and units and all(map(phones, units))}
    if not known:
        return text
    words = "|".join(re.escape(word) for word in sorted(known, key=len, reverse=True))
    return re.sub(words, lambda found: places.keep(_Kept(found[0], known[found[0]])), text)


def _character(character: str, places: _Places) -> str:
    return places.keep(_Kept(character)) if has_reading(character) else character


def _mark(sign: str, places: _Places) -> str:
    return places.keep(_Kept(_MARK_OF.get(sign, sign)))
