"""Phones with the marks of pitch, read off full-context labels.

`[` the pitch rises, `]` it falls, `#` an accent phrase ends, `_` a pause.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

RISE: Final = "["
FALL: Final = "]"
BORDER: Final = "#"
PAUSE: Final = "_"

_NONE: Final = "xx"
_SILENCES: Final = frozenset({"sil", "pau"})
# What ends a mora: a vowel, the nasal, the stop.
_MORA_ENDS: Final = frozenset({"a", "i", "u", "e", "o", "N", "cl"})
_LABEL: Final = re.compile(
    r"-(?P<phone>[^+]+)\+.*?/A:(?P<distance>-?\w+)\+(?P<place>\w+)\+(?P<left>\w+)/.*?/F:(?P<moras>\w+)_"
)


@dataclass(frozen=True, slots=True)
class _Sound:
    """One label.

    Attributes:
        phone: Its phone; a devoiced vowel as a voiced one.
        distance: Moras from the accent's fall, which is at 0; None outside a phrase, as the others.
        place: Place of its mora in the accent phrase, from 1.
        left: The same from the end of the phrase.
        moras: Moras of the phrase.
    """

    phone: str
    distance: int | None
    place: int | None
    left: int | None
    moras: int | None


def marked_phones(labels: Sequence[str]) -> Iterator[str]:
    """Phones of a stretch with pitch marks, without the silences around it.

    Args:
        labels: Full-context labels in the HTS format.
    """
    sounds = [_sound(label) for label in labels]
    for sound, following in pairwise(sounds[1:]):
        if sound.phone in _SILENCES:
            yield PAUSE
            continue
        yield sound.phone
        if mark := _mark(sound, following):
            yield mark


def _mark(sound: _Sound, following: _Sound) -> str:
    """The mark between two sounds; empty when there is none."""
    if sound.phone not in _MORA_ENDS or sound.place is None or following.place is None:
        return ""
    if sound.left == 1 and following.place == 1:
        return BORDER
    if following.place != sound.place + 1:
        return ""
    if sound.distance == 0 and sound.place != sound.moras:
        return FALL
    return RISE if sound.place == 1 else ""


def _sound(label: str) -> _Sound:
    found = _LABEL.search(label)
    if found is None:
        raise ValueError(f"not a full-context label: {label}")
    phone = found["phone"]
    return _Sound(
        phone=phone.lower() if phone in "AIUEO" else phone,
        distance=_count(found["distance"]),
        place=_count(found["place"]),
        left=_count(found["left"]),
        moras=_count(found["moras"]),
    )


def _count(field: str) -> int | None:
    return None if field == _NONE else int(field)
