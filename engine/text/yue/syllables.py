"""Jyutping syllables as phones: an onset and a final with its tone."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from engine.text.symbols import symbol_ids

_TABLE: Final = "v2"
_LANGUAGE: Final = "Y"
_SYLLABLE: Final = re.compile(r"([a-z]+)([1-6])")
# What counts as an onset, in the order in which it is looked for: whole finals are among them.
_ONSETS_TEXT: Final = (
    "aa aai aak aap aat aau ai au ap at ak a p b e ts t dz d kw k gw g f h l m ng n s y w c z j "
    "ong on ou oi ok o uk ung"
)
_ONSETS: Final = tuple(_ONSETS_TEXT.split())


@cache
def phones(syllable: str) -> tuple[str, ...]:
    """Phones of a syllable such as `hoeng1`; empty when it is none or none that the models know.

    The models were trained on two phones for each syllable.  What they do not know so is its final
    alone (ang1) or has its last letter apart (lem2).

    Source: GPT-SoVITS text/cantonese.py; parity: tests/parity/test_cantonese.py.
    """
    found = _SYLLABLE.fullmatch(syllable)
    if found is None:
        return ()
    sound, tone = found.groups()
    onset = next((name for name in _ONSETS if sound.startswith(name)), "")
    final = sound.removeprefix(onset) or onset[-1:]
    ways = (
        (onset, final + tone),
        (sound + tone,),
        (sound[:-1] + tone, sound[-1] + tone),
        (onset, final[:-1] + tone, final[-1] + tone),
    )
    known = symbol_ids(_TABLE)
    said = (tuple(f"{_LANGUAGE}{part}" for part in way) for way in ways)
    return next((way for way in said if all(phone in known for phone in way)), ())


def syllables(reading: str) -> tuple[str, ...]:
    """Syllables of a reading with blanks between; empty when one of them cannot be said."""
    found = tuple(reading.split())
    return found if all(map(phones, found)) else ()
