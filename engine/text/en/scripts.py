"""Letters of other alphabets in Latin ones, so that English can have a go at them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final


def _paired(letters: str, sounds: str) -> dict[str, str]:
    """Each letter with its sound, `_` for none."""
    return {letter: sound.strip("_") for letter, sound in zip(letters, sounds.split(), strict=True)}


_CYRILLIC: Final = _paired(
    "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґў",
    "a b v g d e yo zh z i y k l m n o p r s t u f kh ts ch sh shch _ y _ e yu ya i yi ye g w",
)
_GREEK: Final = _paired("αβγδεζηθικλμνξοπρσςτυφχψω", "a v g d e z i th i k l m n x o p r s s t y f kh ps o")
_SPELT: Final[Mapping[str, str]] = MappingProxyType({**_CYRILLIC, **_GREEK})
_NAMES_OF_GREEK: Final = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma sigma tau "
    "upsilon phi chi psi omega"
)
_NAMES: Final[Mapping[str, str]] = MappingProxyType(_paired("".join(_GREEK), _NAMES_OF_GREEK))
_WORD: Final = re.compile(r"[\u0370-\u03ff\u0400-\u052f\u1f00-\u1fff]+")


def in_latin(text: str) -> str:
    """A text with Greek and Cyrillic words spelt in Latin letters; a Greek letter alone is named."""
    return _WORD.sub(lambda found: _spelt(found[0]), text)


def _spelt(word: str) -> str:
    lower = word.lower()
    if lower in _NAMES:
        return f" {_NAMES[lower]} "
    return "".join(_SPELT.get(letter) or _plain(letter) for letter in lower)


def _plain(letter: str) -> str:
    """A letter of the alphabets without its accent; itself if that is none of them either."""
    return _SPELT.get(unicodedata.normalize("NFD", letter)[0], "")
