"""Counts of right readings, ours and the original's."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.text.zh.normalise import normalise
from engine.text.zh.phones import say
from engine.text.zh.signs import plain

FOLDER = Path(__file__).parent


@dataclass
class Score:
    """What came of one kind of cases.

    Attributes:
        count: Cases.
        ours: How many of them we read right.
        original: How many the original's rule reads right.
        wrong: Those that we do not, for a reader.
    """

    count: int = 0
    ours: int = 0
    original: int = 0
    wrong: list[str] = field(default_factory=list)


def polyphones() -> Mapping[str, Score]:
    """Scores of the sentences that were there before our corrections, and of those written later."""
    scores: defaultdict[str, Score] = defaultdict(Score)
    part = "polyphones"
    for sentence, wanted in rows("polyphones.tsv"):
        if not wanted:
            part = sentence
            continue
        ours, original = said(sentence), said(sentence, in_context=False)
        for mine, theirs in zip(ours, original, strict=True):
            score = scores[part]
            score.count += 1
            score.ours += is_met(wanted, mine)
            score.original += is_met(wanted, theirs)
            if not is_met(wanted, mine):
                score.wrong.append(f"{sentence} {wanted}, we say {mine}")
    return scores


def said(marked: str, *, in_context: bool = True) -> list[str]:
    """Syllables of the characters in brackets."""
    spoken = normalise(plain(re.sub(r"[\[\]]", "", marked)))
    syllables = [
        syllable
        for sentence in re.findall(r"[^!?…,.-]*[!?…,.-]|[^!?…,.-]+", spoken)
        for syllable in say(sentence, erhua=True, in_context=in_context)
    ]
    bare = re.sub(r"[《》“”]", "", marked)
    places = [found.start() - 2 * number for number, found in enumerate(re.finditer(r"(?<=\[).", bare), 0)]
    return [syllables[place - 1] for place in places]


def is_met(wanted: str, syllable: str) -> bool:
    """Whether a reading is the wanted one; before a third tone another third becomes a second."""
    return syllable == wanted or (wanted[-1] == "3" and syllable == f"{wanted[:-1]}2")


def numbers() -> Mapping[str, Score]:
    """Scores of the texts with numbers, by kind."""
    scores: defaultdict[str, Score] = defaultdict(Score)
    for kind, text, wanted, original in rows("numbers.tsv"):
        ways = wanted.split("|")
        ours = _bare(normalise(plain(text)))
        for score in (scores[f"numbers, {kind}"], scores["numbers, all"]):
            score.count += 1
            score.ours += ours in ways
            score.original += _bare(original) in ways
        if ours not in ways:
            scores["numbers, all"].wrong.append(f"{text}: {wanted}, we say {ours}")
    return scores


def rows(name: str) -> Iterator[list[str]]:
    """Lines of one of the lists; the headings of the later parts as rows of their own."""
    for line in (FOLDER / name).read_text(encoding="utf-8").splitlines():
        if found := re.match("# --- (seen later|unseen):", line):
            yield [f"polyphones, {found[1]}", ""]
        elif line and not line.startswith("#"):
            yield line.split("\t")


def _bare(text: str) -> str:
    return re.sub("[!?…,.\ue000\ue001-]", "", text)
