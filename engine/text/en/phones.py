"""From normalised English text to phones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from engine.text.en import lexicon
from engine.text.en.normalise import normalise
from engine.text.en.own_words import OwnWords
from engine.text.en.tagger import tags
from engine.text.spoken import Spoken, TextSettings


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_TOKEN: Final = re.compile(r"'n'|[A-Za-z]+(?:['\-][A-Za-z]+)*'?|'(?:em|til|tis|twas|cause)\b|[.,?!\-]")
_FEWEST: Final = 4
_LEADEN: Final = _set("pipe pipes paint poisoning acid bullet bullets")
_STOPS: Final = _set(". ? !")
_CLAUSE_STARTS: Final = _set(". , ? ! and or then now please")
_OBJECTS: Final = _set("the a an it me you him her us them this that my your his its our their")
_PAST: Final = _set("yesterday ago last earlier previously once")
_METAL: Final = "METAL"
_NOT_LOWERED: Final = frozenset({"I"})


def to_phones(text: str, settings: TextSettings) -> Spoken:
    """Normalised text and phones of an English text; fewer than four phones get a comma in front."""
    own = OwnWords(settings.entries, text)
    spoken = normalise(own.hide(text), lexicon.is_word)
    tokens = _TOKEN.findall(spoken)
    phones = [phone for token, two in _with_homographs(tokens) for phone in _say(token, two, own)]
    if len(phones) < _FEWEST:
        phones.insert(0, ",")
    return Spoken(norm_text=own.show(spoken), phones=tuple(phones))


def _with_homographs(tokens: list[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Tokens with the phones of those that can be said in two ways."""
    table = lexicon.homographs()
    if not any(token.lower() in table for token in tokens):
        yield from ((token, ()) for token in tokens)
        return
    speech = tags([_without_capital(tokens, place) for place in range(len(tokens))])
    for place, token in enumerate(tokens):
        two = table.get(token.lower())
        if two is None:
            yield token, ()
        else:
            yield token, two.first if _is_first(two, tokens, place, speech[place]) else two.other


def _without_capital(tokens: list[str], place: int) -> str:
    """A token as it would be written within a sentence."""
    word = tokens[place]
    starts = place == 0 or tokens[place - 1] in _STOPS
    return word.lower() if starts and word not in _NOT_LOWERED and lexicon.is_word(word.lower()) else word


def _say(token: str, homograph: tuple[str, ...], own: OwnWords) -> tuple[str, ...]:
    """Phones of a token."""
    if not any(sign.isalpha() for sign in token):
        return (token,)
    if homograph or (own_phones := own.phones(token)):
        return homograph or own_phones or ()
    word = token.lower()
    if len(word) == 1:  # the article in small letters is weak, the letter is not
        return lexicon.spell(word) if token.isupper() else tuple(lexicon.words()[word].split())
    stem, _, ending = word.rpartition("'")
    if ending == "s" and (said := own.phones(stem)):
        return lexicon.with_s(said)
    parts = word.split("-")
    if token.isupper() and any(len(part) == 1 for part in parts[1:]):  # USB-C
        return tuple(phone for part in parts for phone in ("-", *lexicon.say(part)))[1:]
    if any(map(own.phones, parts)):
        return tuple(phone for part in parts for phone in own.phones(part) or lexicon.say(part))
    return lexicon.say(word)


def _is_first(two: lexicon.Homograph, tokens: list[str], place: int, tag: str) -> bool:
    """Whether a word is said in the first of its two ways."""
    after = tokens[place + 1].lower() if place + 1 < len(tokens) else ""
    if two.tag == _METAL:
        return after in _LEADEN
    if any(tag.startswith(listed) for listed in two.tag.split("/")):
        return True
    if two.tag == "V":  # the tagger takes some orders for names
        before = tokens[place - 1].lower() if place else "."
        return before in _CLAUSE_STARTS and after in _OBJECTS
    if tokens[place].lower() == "read":
        return tag == "VBP" and not _PAST.isdisjoint(token.lower() for token in tokens[place:])
    return False
