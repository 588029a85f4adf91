"""The Chinese front end: from written text to phones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from engine.protocol.versions import version as model_version
from engine.text.spoken import Spoken, TextSettings
from engine.text.zh.contexts import readings_in_context
from engine.text.zh.normalise import normalise
from engine.text.zh.own_words import protect
from engine.text.zh.readings import read_word
from engine.text.zh.sandhi import change_tones, join_words, weaken_er
from engine.text.zh.signs import LONG_PAUSE, SHORT_PAUSE, plain
from engine.text.zh.syllables import phones, tone
from engine.text.zh.words import USER, Word, words

_SENTENCE: Final = re.compile(r"[^!?…,.-]*[!?…,.-]|[^!?…,.-]+")
_ADVERBIAL: Final = frozenset({"uv", "z", "d", "ad"})
"""Tags of words whose ending 地 makes an adverb."""
_PAUSES: Final[Mapping[str, str]] = MappingProxyType({SHORT_PAUSE: "SP2", LONG_PAUSE: "SP3"})


def to_phones(text: str, settings: TextSettings) -> Spoken:
    """Phones of a Chinese text; what cannot be spoken is left out."""
    kept, own = protect(plain(text), settings.entries)
    marked = normalise(kept)
    commas = re.sub(f"[{LONG_PAUSE}{SHORT_PAUSE}]", ",", marked)
    erhua = model_version(settings.version).symbols != "v1"
    syllables = [one for sentence in _SENTENCE.findall(commas) for one in say(sentence, erhua=erhua)]
    shown: list[str] = []
    sounds: list[tuple[str, ...]] = []
    for sign, character, syllable in zip(marked, commas, syllables, strict=True):
        if sign in own:
            shown += own[sign].shown
            sounds += [_all_phones(share) for share in own[sign].shares()]
        else:
            shown.append(character)
            sounds.append((_PAUSES[sign],) if sign in _PAUSES else phones(syllable))
    return Spoken(
        norm_text="".join(shown),
        phones=tuple(phone for sound in sounds for phone in sound),
        word2ph=tuple(map(len, sounds)),
    )


def say(sentence: str, *, erhua: bool, in_context: bool = True) -> list[str]:
    """Syllables of one normalised sentence, one a character, in their final tones.

    Args:
        sentence: Characters and marks.
        erhua: Whether an ending 儿 takes the tone before it.
        in_context: Whether neighbours decide between readings; without it every word is read alone.
    """
    joined = join_words(words(sentence), read_word)
    decided = readings_in_context(sentence) if in_context else {}
    readings: list[list[str]] = []
    place = 0
    for word in joined:
        if in_context and word.text.endswith("地") and word.tag in _ADVERBIAL:
            decided.setdefault(place + len(word.text) - 1, "de5")
        reading = read_word(word.text)
        readings.append([decided.get(place + step, syllable) for step, syllable in enumerate(reading)])
        place += len(word.text)
    said = list(in_tone(joined, readings, erhua=erhua))
    for place, syllable in decided.items():
        if tone(said[place]) == "5":  # rules for particles do not hold for a character that is none here
            said[place] = syllable
    return said


def in_tone(joined: Sequence[Word], readings: Sequence[Sequence[str]], *, erhua: bool) -> Iterator[str]:
    """Syllables of words as they are said together; the places of the user's own words stay as they are.

    Args:
        joined: Words, see `sandhi.join_words`.
        readings: For each word its syllables, one a character.
        erhua: Whether an ending 儿 takes the tone before it.
    """
    for word, reading in zip(joined, readings, strict=True):
        if word.tag == USER:
            yield from reading
            continue
        changed = change_tones(word, reading)
        yield from weaken_er(word, changed) if erhua else changed


def _all_phones(syllables: Sequence[str]) -> tuple[str, ...]:
    return tuple(phone for syllable in syllables for phone in phones(syllable))
