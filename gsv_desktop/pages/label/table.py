"""The rows of a label file while they are edited: what is shown in which order, and what an edit changes.

Plain Python, so that 100,000 rows are sorted and searched without asking Qt for each cell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Final

from engine.protocol.label_list import LabelRow

_SPACED: Final = frozenset({"en", "ko"})
_BREAK: Final = re.compile(r"[\s,.;:!?，。；：！？、…]")


_SPACE_COSTS: Final = 3
"""A mark so many characters further away is the better place to part a text than a space."""


class Column(IntEnum):
    """What is shown of a row."""

    CLIP = 0
    LENGTH = 1
    CONFIDENCE = 2
    SPEAKER = 3
    LANGUAGE = 4
    CHECK = 5
    TEXT = 6


FIELDS: Final[Mapping[Column, str]] = {
    Column.SPEAKER: "speaker",
    Column.LANGUAGE: "language",
    Column.TEXT: "text",
}
"""Columns that can be edited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipFacts:
    """What is known of a clip beside its label.

    Attributes:
        length_s: Its length; None while it is not known.
        confidence: How sure speech recognition was, 0-1; None where it did not hear the clip.
    """

    length_s: float | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFindings:
    """What the check found about a row.

    Attributes:
        words: In short, for the table.
        details: Rule, value, limit and remedy, a line each.
        drops: Whether training would leave the row out.
    """

    words: str
    details: str
    drops: bool


@dataclass(frozen=True, slots=True)
class Splice:
    """An edit that changes how many rows there are: `before` at `start` becomes `after`."""

    start: int
    before: tuple[LabelRow, ...]
    after: tuple[LabelRow, ...]

    def undone(self) -> Splice:
        """The edit that takes this one back."""
        return Splice(self.start, self.after, self.before)


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for in the texts.

    Attributes:
        pattern: The words, or a regular expression.
        regex: Whether it is one.
        case: Whether capitals matter.
    """

    pattern: str
    regex: bool = False
    case: bool = False

    def compiled(self) -> re.Pattern[str]:
        """The search as an expression.

        Raises:
            re.error: it is none.
        """
        words = self.pattern if self.regex else re.escape(self.pattern)
        return re.compile(words, 0 if self.case else re.IGNORECASE)


@dataclass(slots=True)
class LabelTable:
    """Rows in the order of the file, and numbers of those that are shown in the order that is wanted."""

    rows: list[LabelRow] = field(default_factory=list)
    facts: dict[str, ClipFacts] = field(default_factory=dict)
    shown: list[int] = field(default_factory=list)
    order: Column | None = None
    descending: bool = False
    search: Search | None = None
    findings: dict[LabelRow, RowFindings] = field(default_factory=dict)
    only_findings: bool = False

    def load(self, rows: Sequence[LabelRow], facts: Mapping[str, ClipFacts]) -> None:
        """Takes a file; sorting and search start anew."""
        self.rows = list(rows)
        self.facts = dict(facts)
        self.order, self.descending, self.search = None, False, None
        self.findings, self.only_findings = {}, False
        self.arrange()

    def arrange(self) -> None:
        """Finds out what is shown, and in which order.

        Raises:
            re.error: the search is no expression.
        """
        found: Iterable[int] = range(len(self.rows))
        if self.search is not None and self.search.pattern:
            finds = self.search.compiled().search
            found = [number for number in found if finds(self.rows[number].text)]
        if self.only_findings:
            found = [number for number in found if self.rows[number] in self.findings]
        if self.order is not None:
            found = sorted(found, key=self._key(self.order), reverse=self.descending)
        self.shown = list(found)

    def change(self, rows: Mapping[int, LabelRow]) -> None:
        """Puts other rows in the place of some; what is shown stays where it is."""
        for number, row in rows.items():
            self.rows[number] = row

    def splice(self, edits: Iterable[Splice]) -> None:
        """Carries out edits that change how many rows there are, one after the other."""
        for edit in edits:
            self.rows[edit.start : edit.start + len(edit.before)] = edit.after
        self.arrange()

    def fact(self, row: LabelRow) -> ClipFacts:
        """What is known of a row's clip."""
        return self.facts.get(row.name, _NOTHING)

    def check_words(self, row: LabelRow) -> str:
        """What the check found about a row, in short; nothing once the row is another one."""
        found = self.findings.get(row)
        return found.words if found is not None else ""

    def dropped(self) -> list[int]:
        """Numbers of rows that training would leave out."""
        return [
            number
            for number, row in enumerate(self.rows)
            if (found := self.findings.get(row)) is not None and found.drops
        ]

    def replaced(
        self, search: Search, words: str, numbers: Iterable[int]
    ) -> dict[int, tuple[LabelRow, LabelRow]]:
        """Rows whose text would be another one: number -> before, after.

        Raises:
            re.error: the search or the replacement is no expression.
        """
        pattern = search.compiled()
        template: str | Callable[[re.Match[str]], str] = words if search.regex else (lambda _: words)
        made = {}
        for number in numbers:
            row = self.rows[number]
            text = " ".join(pattern.sub(template, row.text).split())
            if text and text != row.text:
                made[number] = (row, replace(row, text=text))
        return made

    def _key(self, column: Column) -> Callable[[int], tuple[bool, float | str]]:
        rows = self.rows
        if column in FIELDS:
            name = FIELDS[column]
            return lambda number: (False, str(getattr(rows[number], name)).casefold())
        if column is Column.CHECK:
            return lambda number: (rows[number] not in self.findings, self.check_words(rows[number]))
        if column is Column.CLIP:
            return lambda number: (False, rows[number].name.casefold())
        part = "length_s" if column is Column.LENGTH else "confidence"
        last = not self.descending

        def by_fact(number: int) -> tuple[bool, float | str]:
            value = getattr(self.fact(rows[number]), part)
            return (last, 0.0) if value is None else (not last, value)  # the unknown stands at the end

        return by_fact


_NOTHING: Final = ClipFacts()


def joined_text(rows: Sequence[LabelRow]) -> str:
    """The texts of clips that become one."""
    between = " " if rows[0].language in _SPACED else ""
    return between.join(row.text.strip() for row in rows)


def parted_text(text: str, share: float) -> tuple[str, str]:
    """A text in two, at the gap nearest to a share (0-1) of its length.

    Both parts get the whole text where there is no gap.
    """
    wanted = share * len(text)
    gaps = [found.end() for found in _BREAK.finditer(text) if text[: found.end()].strip()]
    gaps = [place for place in gaps if text[place:].strip()]
    if not gaps:
        return text, text
    place = min(gaps, key=lambda gap: abs(gap - wanted) + (_SPACE_COSTS if text[gap - 1].isspace() else 0))
    return text[:place].strip(), text[place:].strip()
