"""English words and how they are said."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

from engine.protocol.builtin import resource
from engine.text.en.guess import guess

# Acronyms that the dictionary holds as words; they are spelled.
_SPELLED: Final = frozenset({"ae", "ai", "ar", "ios", "hud", "os", "nasa"})
_OWN_WORDS: Final = MappingProxyType(
    {
        "miz": "M IH1 Z",
        "'n'": "AH0 N",
        "t-shirt": "T IY1 SH ER2 T",
        "t-shirts": "T IY1 SH ER2 T S",
        "zero": "Z IY1 R OW0",  # the dictionary's second way, which the voices learnt
        "zeros": "Z IY1 R OW0 Z",
        "zeroes": "Z IY1 R OW0 Z",
    }
)
_PREFIXES: Final = MappingProxyType(
    {"re": ("R", "IY1"), "co": ("K", "OW1"), "pre": ("P", "R", "IY1"), "py": ("P", "AY1")}
)
_HISSING: Final = frozenset({"S", "Z", "SH", "ZH", "CH", "JH"})
_VOICELESS: Final = frozenset({"P", "T", "K", "F", "TH", "HH"})
_LONGEST_SPELLED: Final = 3
_SHORTEST_PART: Final = 2
_LONGEST_COMPOUND: Final = 40


# Beside the listed ones, or in their place where the list has the two ways round.
_OWN_HOMOGRAPHS: Final = (
    "READ|R EH1 D|R IY1 D|VBN/VBD",
    "COMPLEX|K AH0 M P L EH1 K S|K AA1 M P L EH0 K S|JJ",
    "WIND|W AY1 N D|W IH1 N D|V",
    "WOUND|W AW1 N D|W UW1 N D|VBD",
    "TEAR|T EH1 R|T IH1 R|V",
    "TEARS|T EH1 R Z|T IH1 R Z|VBZ",
    "LIVE|L AY1 V|L IH1 V|JJ/RB/NN",
    "LIVES|L AY1 V Z|L IH1 V Z|NN",
    "LEAD|L EH1 D|L IY1 D|METAL",
    "MINUTE|M AY0 N UW1 T|M IH1 N AH0 T|JJ",
    "DOVE|D OW1 V|D AH1 V|VBD",
    "EXPLOIT|IH0 K S P L OY1 T|EH1 K S P L OY2 T|V",
    "FRAGMENT|F R AE0 G M EH1 N T|F R AE1 G M AH0 N T|V",
    "IMPRINT|IH2 M P R IH1 N T|IH1 M P R IH0 N T|V",
    "OBJECT|AH0 B JH EH1 K T|AA1 B JH EH0 K T|V",
    "REBEL|R IH0 B EH1 L|R EH1 B AH0 L|V",
    "SEGMENT|S EH2 G M EH1 N T|S EH1 G M AH0 N T|V",
    "TORMENT|T AO0 R M EH1 N T|T AO1 R M EH2 N T|V",
)
_VOWELS: Final = frozenset("aeiouy")


@dataclass(frozen=True, slots=True)
class Homograph:
    """A word that is said in two ways: `first` when its part of speech is `tag`, else `other`."""

    first: tuple[str, ...]
    other: tuple[str, ...]
    tag: str


@cache
def words() -> Mapping[str, str]:
    """Lower-case word -> phones with blanks between."""
    text = gzip.decompress(resource("text", "cmudict.txt.gz").read_bytes()).decode("utf-8")
    table = dict(line.split(" ", 1) for line in text.splitlines())
    for word in _SPELLED:
        table.pop(word, None)
    young = resource("text", "en_words.txt").read_text(encoding="utf-8").splitlines()
    table.update(dict(line.split("\t", 1) for line in young if not line.startswith("#")))
    table.update(_OWN_WORDS)
    return MappingProxyType(table)


@cache
def homographs() -> Mapping[str, Homograph]:
    """Words that are said in two ways."""
    found = {}
    listed = resource("text", "homographs.txt").read_text(encoding="utf-8").splitlines()
    for line in (*listed, *_OWN_HOMOGRAPHS):
        if line.startswith("#") or line.count("|") != 3:
            continue
        word, first, other, tag = line.strip().split("|")
        found[word.lower()] = Homograph(tuple(first.split()), tuple(other.split()), tag)
    return MappingProxyType(found)


def is_word(word: str) -> bool:
    """Whether the dictionary holds a lower-case word."""
    return word in words()


def say(word: str) -> tuple[str, ...]:
    """Phones of a lower-case word: from the dictionary, put together from its parts, or guessed."""
    if found := words().get(word):
        return tuple(found.split())
    bare = word.strip("'-")
    if bare != word:
        return say(bare) if bare else ()
    if word.endswith("'s"):
        return _possessive(word[:-2])
    if "-" in word:
        return tuple(phone for part in word.split("-") for phone in _PREFIXES.get(part) or say(part))
    plain = word.replace("'", "")
    if plain != word:
        return say(plain)
    if len(word) <= _LONGEST_SPELLED or _VOWELS.isdisjoint(word):
        return spell(word)
    if parts := _compound(word):
        return tuple(phone for part in parts for phone in words()[part].split())
    for prefix, said in _PREFIXES.items():
        rest = word.removeprefix(prefix)
        if rest != word and (parts := (rest,) if rest in words() else _compound(rest)):
            return (*said, *(phone for part in parts for phone in words()[part].split()))
    return guess(word)


def spell(word: str) -> tuple[str, ...]:
    """Phones of a word's letters, one by one."""
    table = words()
    return tuple(phone for letter in word if letter.isalpha() for phone in _letter(letter, table).split())


def _letter(letter: str, table: Mapping[str, str]) -> str:
    return "EY1" if letter == "a" else table.get(letter, "")


def _possessive(stem: str) -> tuple[str, ...]:
    said = spell(stem) if len(stem) == 1 else say(stem)
    return with_s(said) if said else ()


def with_s(said: tuple[str, ...]) -> tuple[str, ...]:
    """Phones of a word with 's, from those of the word."""
    if said[-1] in _HISSING:
        return (*said, "AH0", "Z")
    return (*said, "S" if said[-1] in _VOICELESS else "Z")


@cache
def _compound(word: str) -> tuple[str, ...]:
    """Known words that make up an unknown one, as few as may be; empty when there are none.

    Parts have three letters or more; a part of two may stand beside long ones only.
    """
    if len(word) > _LONGEST_COMPOUND:
        return ()
    table = words()
    splits: list[tuple[str, ...]] = []
    for cut in range(_SHORTEST_PART, len(word) - _SHORTEST_PART + 1):
        head, tail = word[:cut], word[cut:]
        if head in table and tail in table:
            splits.append((head, tail))
        elif head in table and (rest := _pair(tail)):
            splits.append((head, *rest))
    fitting = [parts for parts in splits if _long_enough(parts)]
    return min(fitting, key=lambda parts: (len(parts), sum(len(part) ** 2 for part in parts)), default=())


def _pair(word: str) -> tuple[str, ...]:
    table = words()
    cuts = range(_LONGEST_SPELLED + 1, len(word) - _LONGEST_SPELLED)
    return next(((word[:cut], word[cut:]) for cut in cuts if word[:cut] in table and word[cut:] in table), ())


def _long_enough(parts: tuple[str, ...]) -> bool:
    short = sum(len(part) == _SHORTEST_PART for part in parts)
    return not short or (
        short == 1 and all(len(p) > _LONGEST_SPELLED for p in parts if len(p) != _SHORTEST_PART)
    )
