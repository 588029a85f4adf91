"""Readings by what stands around a character, where a word alone does not tell."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Container, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

from engine.protocol.builtin import resource

_TARGET: Final = re.compile("<([一-龥])>")
_OVER_WORDS: Final = "!"


@dataclass(frozen=True, slots=True)
class _Context:
    """Where a character has a reading.

    Attributes:
        pattern: Holds the character as its first group.
        syllable: Its reading there.
        over_words: Whether this overrules the dictionary of words too.
    """

    pattern: re.Pattern[str]
    syllable: str
    over_words: bool


def readings_in_context(sentence: str, kept: Container[int] = ()) -> dict[int, str]:
    """Place -> syllable of the characters of a normalised sentence that their neighbours decide.

    Args:
        sentence: Characters and marks.
        kept: Places inside words that a dictionary knows; these are overruled in few cases only.
    """
    found: dict[int, str] = {}
    listed = _contexts()
    for character in set(sentence) & listed.keys():
        for context in listed[character]:
            for match in context.pattern.finditer(sentence):
                if context.over_words or match.start(1) not in kept:
                    found[match.start(1)] = context.syllable
    return found


@cache
def _contexts() -> Mapping[str, tuple[_Context, ...]]:
    """The list by character."""
    grouped: defaultdict[str, list[_Context]] = defaultdict(list)
    for line in resource("text", "zh_contexts.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            pattern, syllable = line.removeprefix(_OVER_WORDS).split("\t")
            shown = re.compile(_TARGET.sub(r"(\1)", pattern))
            for character in _TARGET.findall(pattern):
                grouped[character].append(_Context(shown, syllable, line.startswith(_OVER_WORDS)))
    return MappingProxyType({character: tuple(found) for character, found in grouped.items()})
