"""Kana: what they are, and how a reading in kana is said."""

from __future__ import annotations

import re
import unicodedata
from types import MappingProxyType
from typing import Final

_HIRAGANA_TO_KATAKANA: Final = MappingProxyType({code: code + 0x60 for code in range(0x3041, 0x3097)})
_NOT_KANA: Final = re.compile(r"[^ァ-ヶー]")
_MORA: Final = re.compile(r"[ァ-ヶー][ャュョァィゥェォヮ]?")
_LONG_O: Final = re.compile(r"(?<=[オコゴソゾトドノホボポモヨロョヲォ])ウ")
_LONG_E: Final = re.compile(r"(?<=[エケゲセゼテデネヘベペメレェ])イ")


def katakana(text: str) -> str:
    """A reading in katakana; what is no kana is left out."""
    full = unicodedata.normalize("NFKC", text).translate(_HIRAGANA_TO_KATAKANA)
    return _NOT_KANA.sub("", full).lstrip("ー")


def as_said(reading: str) -> str:
    """Katakana with long vowels written as such: トウキョウ -> トーキョー."""
    return _LONG_E.sub("ー", _LONG_O.sub("ー", reading))


def moras(reading: str) -> int:
    """Number of moras of katakana."""
    return len(_MORA.findall(reading))
