"""Parts of speech, to tell words apart that are written alike.

An averaged perceptron over the words and the two tags before; its weights are those of
textblob-aptagger (resources/text/README.md).
"""

from __future__ import annotations

import gzip
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from engine.protocol.builtin import resource

_EDGE: Final = ("-START-", "-START2-", "-END-", "-END2-")
_YEAR_DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class _Model:
    """The tagger's data.

    Attributes:
        tags: Names of the parts of speech, as in the Penn treebank.
        known: Words that are nearly always one part of speech.
        weights: Sign -> `tag:weight` with blanks between.
    """

    tags: tuple[str, ...]
    known: Mapping[str, str]
    weights: Mapping[str, str]


def tags(words: Sequence[str]) -> tuple[str, ...]:
    """Parts of speech of the words of a sentence, marks included, in the Penn treebank's names."""
    model = _model()
    padded = (*_EDGE[:2], *map(_shape, words), *_EDGE[2:])
    before, last = _EDGE[1], _EDGE[0]
    found: list[str] = []
    for place, word in enumerate(words):
        tag = model.known.get(word) or _best(model, _signs(word, padded[place : place + 5], last, before))
        before, last = last, tag
        found.append(tag)
    return tuple(found)


def _best(model: _Model, signs: Iterator[str]) -> str:
    scores: defaultdict[str, float] = defaultdict(float)
    for sign in signs:
        for vote in model.weights.get(sign, "").split():
            tag, _, weight = vote.rpartition(":")
            scores[tag] += float(weight)
    return max(model.tags, key=lambda tag: (scores[tag], tag))


def _signs(word: str, around: Sequence[str], last: str, before: str) -> Iterator[str]:
    """What speaks for a part of speech: the word, two on either side, and the tags of those before."""
    second, first, itself, after, later = around
    yield "bias"
    yield f"end {word[-3:]}"
    yield f"first {word[0]}"
    yield f"tag-1 {last}"
    yield f"tag-2 {before}"
    yield f"tags {last} {before}"
    yield f"word {itself}"
    yield f"tag-1+word {last} {itself}"
    yield f"word-1 {first}"
    yield f"end-1 {first[-3:]}"
    yield f"word-2 {second}"
    yield f"word+1 {after}"
    yield f"end+1 {after[-3:]}"
    yield f"word+2 {later}"


def _shape(word: str) -> str:
    """A word as its neighbours see it."""
    if "-" in word[1:]:
        return "!HYPHEN"
    if word.isdigit() and len(word) == _YEAR_DIGITS:
        return "!YEAR"
    return "!DIGITS" if word[0].isdigit() else word.lower()


@cache
def _model() -> _Model:
    text = gzip.decompress(resource("text", "pos_tagger.txt.gz").read_bytes()).decode("utf-8")
    names, known, weights = text.split("\n\n")

    def table(lines: str) -> dict[str, str]:
        return dict(line.split("\t", 1) for line in lines.splitlines())

    return _Model(tuple(names.split()), table(known), table(weights))
