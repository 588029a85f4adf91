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
from engine.text.zh.polyphones import PolyphoneModel, polyphone_model
from engine.text.zh.readings import is_listed, read_word
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
    model = polyphone_model(settings.polyphones) if settings.polyphones and erhua else None
    syllables = [
        one for sentence in _SENTENCE.findall(commas) for one in say(sentence, erhua=erhua, model=model)
    ]
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


def say(
    sentence: str, *, erhua: bool, in_context: bool = True, model: PolyphoneModel | None = None
) -> list[str]:
    """Syllables of one normalised sentence, one a character, in their final tones.

    Args:
        sentence: Characters and marks.
        erhua: Whether an ending 儿 takes the tone before it.
        in_context: Whether neighbours decide between readings; without it every word is read alone.
        model: Decides instead of the neighbours where it knows a character.
    """
    cut = words(sentence)
    joined = join_words(cut, read_word)
    decided = _decided(sentence, cut) if in_context else {}
    modelled = model.read(sentence) if model else {}
    given = {**decided, **modelled}
    readings: list[list[str]] = []
    for place, word in _placed(joined):
        reading = [given.get(place + step, one) for step, one in enumerate(read_word(word.text))]
        readings.append(model.overruled(word.text, reading) if model and word.tag != USER else reading)
    said = list(in_tone(joined, readings, erhua=erhua))
    for place in decided.keys() - modelled.keys():
        if tone(said[place]) == "5":  # rules for particles do not hold for a character that is none here
            said[place] = decided[place]
    return said


def _decided(sentence: str, cut: Sequence[Word]) -> dict[int, str]:
    """Place -> syllable where neighbours or the kind of word tell the reading."""
    kept = {
        place + step for place, word in _placed(cut) if is_listed(word.text) for step in range(len(word.text))
    }
    adverbs = {
        place + len(word.text) - 1: "de5"
        for place, word in _placed(cut)
        if word.text.endswith("地") and word.tag in _ADVERBIAL
    }
    return adverbs | readings_in_context(sentence, kept)


def _placed(joined: Sequence[Word]) -> Iterator[tuple[int, Word]]:
    """Words with the places where they begin."""
    place = 0
    for word in joined:
        yield place, word
        place += len(word.text)


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
