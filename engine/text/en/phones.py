"""From normalised English text to phones."""

from __future__ import annotations

import re
from typing import Final

from engine.text.en import lexicon
from engine.text.en.normalise import normalise
from engine.text.en.own_words import OwnWords
from engine.text.spoken import Spoken, TextSettings


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_TOKEN: Final = re.compile(r"'n'|[A-Za-z]+(?:['\-][A-Za-z]+)*'?|'(?:em|til|tis|twas|cause)\b|[.,?!\-]")
_FEWEST: Final = 4
_VERB_CUES: Final = _set(
    "to will would can could may might must shall should please not don't doesn't didn't won't can't "
    "couldn't wouldn't shouldn't i you we they who let's i'll you'll we'll they'll he'll she'll"
)
_NOUN_CUES: Final = _set(
    "a an the this that these those my your his her its our their some any no every each of in on at for "
    "by with from new good"
)
_COPULAS: Final = _set("is are was were be been very so too more most less")
_PERFECT: Final = _set("have has had was were been be is are already i've you've we've they've")
_LEADEN: Final = _set("pipe pipes paint poisoning acid bullet bullets")
_CLAUSE_STARTS: Final = _set(". , ? ! and or then now")
_OBJECTS: Final = _set("the a an it me you him her us them this that my your his its our their")


def to_phones(text: str, settings: TextSettings) -> Spoken:
    """Normalised text and phones of an English text; fewer than four phones get a comma in front."""
    own = OwnWords(settings.entries, text)
    spoken = normalise(own.hide(text), lexicon.is_word)
    tokens = _TOKEN.findall(spoken)
    phones: list[str] = []
    for place, token in enumerate(tokens):
        phones += own.phones(token) or _token_phones(tokens, place, token, own)
    if len(phones) < _FEWEST:
        phones.insert(0, ",")
    return Spoken(norm_text=own.show(spoken), phones=tuple(phones))


def _token_phones(tokens: list[str], place: int, token: str, own: OwnWords) -> tuple[str, ...]:
    if not any(sign.isalpha() for sign in token):
        return (token,)
    word = token.lower()
    if len(word) == 1:  # the article in small letters is weak, the letter is not
        return lexicon.spell(word) if token.isupper() else tuple(lexicon.words()[word].split())
    if two := lexicon.homographs().get(word):
        return two.first if _fits(two.tag, tokens, place) else two.other
    stem, _, ending = word.rpartition("'")
    if ending == "s" and (said := own.phones(stem)):
        return lexicon.with_s(said)
    parts = word.split("-")
    if any(map(own.phones, parts)):
        return tuple(phone for part in parts for phone in own.phones(part) or lexicon.say(part))
    return lexicon.say(word)


def _fits(tag: str, tokens: list[str], place: int) -> bool:
    """Whether a token is likely to be of the part of speech `tag`."""
    before = tokens[place - 1].lower() if place else ""
    after = tokens[place + 1].lower() if place + 1 < len(tokens) else ""
    if tag == "METAL":
        return after in _LEADEN
    if tag == "VBN":
        return before in _PERFECT
    if tag == "ADJ":
        return before in _COPULAS or (before in _NOUN_CUES and after.isalpha())
    if tag.startswith("V"):
        return _is_verb(before, after)
    return False


def _is_verb(before: str, after: str) -> bool:
    """A guess from the words beside it: enough for the commonest homographs."""
    if before in _VERB_CUES:
        return True
    if before in _NOUN_CUES:
        return False
    return (not before or before in _CLAUSE_STARTS) and after in _OBJECTS
