"""Readings by what stands around a character, where a word alone does not tell."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from engine.protocol.builtin import resource

_Context = tuple[re.Pattern[str], str]
_TARGET: Final = re.compile("<([一-龥])>")


def readings_in_context(sentence: str) -> dict[int, str]:
    """Place -> syllable of the characters of a normalised sentence that their neighbours decide."""
    found: dict[int, str] = {}
    listed = _contexts()
    for character in set(sentence) & listed.keys():
        for pattern, syllable in listed[character]:
            for match in pattern.finditer(sentence):
                found[match.start(1)] = syllable
    return found


@cache
def _contexts() -> Mapping[str, tuple[_Context, ...]]:
    """Character -> patterns with the character as their first group, and its syllable."""
    grouped: defaultdict[str, list[_Context]] = defaultdict(list)
    for line in resource("text", "zh_contexts.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            pattern, syllable = line.split("\t")
            for character in _TARGET.findall(pattern):
                grouped[character].append((re.compile(_TARGET.sub(r"(\1)", pattern)), syllable))
    return MappingProxyType({character: tuple(found) for character, found in grouped.items()})
