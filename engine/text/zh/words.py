"""Words of a Chinese sentence with their parts of speech."""

from __future__ import annotations

import logging
import re
import threading
import warnings
from collections.abc import Container
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Final, Protocol, cast

from engine.text.zh.signs import FIRST_PLACE, LAST_PLACE

USER: Final = "user"
"""The tag of a word from the user's own dictionary."""

_MOST_STRANGE: Final = 8
_OWN_PLACE: Final = re.compile(f"([{FIRST_PLACE}-{LAST_PLACE}])")
_LOCK: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class Word:
    """A word.

    Attributes:
        text: Its characters.
        tag: Its part of speech as jieba names it; `USER` for the place of a word of the user's own.
    """

    text: str
    tag: str


class _Tagged(Protocol):
    word: str
    flag: str


class _Tagger(Protocol):
    def lcut(self, sentence: str) -> list[_Tagged]: ...


class _Cutter(Protocol):
    def lcut_for_search(self, sentence: str) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class _Jieba:
    tagger: _Tagger
    cutter: _Cutter
    known: Container[str]


def words(sentence: str) -> list[Word]:
    """Words of a sentence; the places of the user's own words are words by themselves."""
    found: list[Word] = []
    for stretch in _OWN_PLACE.split(sentence):
        if _OWN_PLACE.fullmatch(stretch):
            found.append(Word(stretch, USER))
        elif stretch:
            found += _tagged(stretch)
    return found


def _tagged(stretch: str) -> list[Word]:
    """Words by jieba; signs that it has never met take it long, so many of them are words by themselves."""
    jieba = _jieba()
    strange = [sign >= "一" and sign not in jieba.known for sign in stretch]
    if sum(strange) <= _MOST_STRANGE:
        return [Word(text, tag) for text, tag in _pairs(jieba, stretch)]
    found: list[Word] = []
    for is_strange, group in groupby(zip(stretch, strange, strict=True), key=lambda pair: pair[1]):
        signs = "".join(sign for sign, _ in group)
        pairs = [(sign, "x") for sign in signs] if is_strange else _pairs(jieba, signs)
        found += [Word(text, tag) for text, tag in pairs]
    return found


def _pairs(jieba: _Jieba, stretch: str) -> list[tuple[str, str]]:
    return [(pair.word, pair.flag) for pair in jieba.tagger.lcut(stretch)]


@cache
def halves(word: str) -> tuple[str, ...]:
    """A word in two by the shortest word inside it; a word that has none stays one, with an empty half."""
    inner = min(_jieba().cutter.lcut_for_search(word), key=len, default=word)
    if word.startswith(inner):
        return inner, word[len(inner) :]
    return word[: -len(inner)], inner


@cache
def _loaded() -> _Jieba:
    """Jieba with its dictionary in memory.

    Jieba itself would keep a copy in the shared folder for temporary files, where others can
    put one of their own making; this goes around that copy.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old escape sequences in its source
        import jieba
        import jieba.posseg
    jieba.setLogLevel(logging.WARNING)
    cutter = jieba.dt
    if not cutter.initialized:
        cutter.FREQ, cutter.total = cutter.gen_pfdict(cutter.get_dict_file())
        cutter.initialized = True
    return _Jieba(
        tagger=cast(_Tagger, jieba.posseg.dt),
        cutter=cast(_Cutter, cutter),
        known=jieba.posseg.char_state_tab_P,
    )


def _jieba() -> _Jieba:
    with _LOCK:
        return _loaded()
