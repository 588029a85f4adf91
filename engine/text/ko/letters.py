"""Hangul syllables as their letters."""

from __future__ import annotations

from dataclasses import dataclass
from string import ascii_lowercase
from types import MappingProxyType
from typing import Final

SILENT: Final = "ㅇ"
"""The letter that holds the place of an onset; as a coda it is the velar nasal."""

_FIRST: Final = 0xAC00
_LAST: Final = 0xD7A3
_ONSETS: Final = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_VOWELS: Final = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_CODAS: Final = ("", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")
# A glide is a phone of its own, and so is each consonant of a pair that stands alone.
_PARTS_TEXT: Final = (
    "ㅑㅣㅏ ㅒㅣㅐ ㅕㅣㅓ ㅖㅣㅔ ㅛㅣㅗ ㅠㅣㅜ ㅘㅗㅏ ㅙㅗㅐ ㅚㅗㅣ ㅝㅜㅓ ㅞㅜㅔ ㅟㅜㅣ ㅢㅡㅣ "
    "ㄳㄱㅅ ㄵㄴㅈ ㄶㄴㅎ ㄺㄹㄱ ㄻㄹㅁ ㄼㄹㅂ ㄽㄹㅅ ㄾㄹㅌ ㄿㄹㅍ ㅀㄹㅎ ㅄㅂㅅ"
)
_PARTS: Final = MappingProxyType({entry[0]: entry[1:] for entry in _PARTS_TEXT.split()})
_LATIN_TEXT: Final = (
    "에이 비 시 디 이 에프 지 에이치 아이 제이 케이 엘 엠 "
    "엔 오 피 큐 아르 에스 티 유 브이 더블유 엑스 와이 제트"
)
LATIN: Final = MappingProxyType(dict(zip(ascii_lowercase, _LATIN_TEXT.split(), strict=True)))
"""How Latin letters are called."""


@dataclass(frozen=True, slots=True)
class Syllable:
    """One syllable; `coda` is empty where there is none."""

    onset: str
    vowel: str
    coda: str


def is_syllable(letter: str) -> bool:
    """Whether a character is a whole hangul syllable."""
    return _FIRST <= ord(letter) <= _LAST


def syllable(letter: str) -> Syllable:
    """The letters of a hangul syllable."""
    number = ord(letter) - _FIRST
    onset, rest = divmod(number, len(_VOWELS) * len(_CODAS))
    vowel, coda = divmod(rest, len(_CODAS))
    return Syllable(_ONSETS[onset], _VOWELS[vowel], _CODAS[coda])


def phones_of(letter: str) -> str:
    """A single hangul letter as the letters that are phones."""
    return _PARTS.get(letter, letter)


def parts_of(cluster: str) -> str:
    """Both consonants of a coda, or the one that it is."""
    return _PARTS.get(cluster, cluster)


def composed(found: Syllable) -> str:
    """The character of a syllable."""
    place = _ONSETS.index(found.onset) * len(_VOWELS) + _VOWELS.index(found.vowel)
    return chr(_FIRST + place * len(_CODAS) + _CODAS.index(found.coda))
