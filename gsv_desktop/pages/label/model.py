"""The rows of a label file as a table whose every edit can be taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from engine.protocol.label_list import LabelRow
from engine.protocol.languages import LABEL_LANGUAGES
from gsv_desktop.pages.label.actions import OpenLabels
from gsv_desktop.pages.label.table import FIELDS, ClipFacts, Column, LabelTable, RowFindings, Search, Splice

Index = QModelIndex | QPersistentModelIndex
_WAYS = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole)
_NUMBERS = (Column.LENGTH, Column.CONFIDENCE)
Change = tuple[LabelRow, LabelRow]


class _ChangeRows(QUndoCommand):
    """Other values in some rows."""

    def __init__(self, words: str, changes: Mapping[int, Change], apply: Callable[..., None]) -> None:
        super().__init__(words)
        self._changes = dict(changes)
        self._apply = apply

    def redo(self) -> None:
        """Puts the new values in."""
        self._apply({number: after for number, (_, after) in self._changes.items()})

    def undo(self) -> None:
        """Puts the old values back."""
        self._apply({number: before for number, (before, _) in self._changes.items()})


class _SpliceRows(QUndoCommand):
    """More or fewer rows."""

    def __init__(self, words: str, edits: Sequence[Splice], apply: Callable[..., None]) -> None:
        super().__init__(words)
        self._edits = tuple(edits)
        self._apply = apply

    def redo(self) -> None:
        """Carries the edits out."""
        self._apply(self._edits)

    def undo(self) -> None:
        """Takes them back, the last one first."""
        self._apply(tuple(edit.undone() for edit in reversed(self._edits)))


class LabelModel(QAbstractTableModel):
    """Clip, length, confidence, speaker, language and text of every row that is shown.

    Signals:
        edited: something about the rows is another one.
        refused: why a value was not taken.
        rearranged: rows came, went or moved; the number of the row to go to, -1 for none.
    """

    edited = Signal()
    refused = Signal(str)
    rearranged = Signal(int)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.table = LabelTable()
        self.undo_stack = QUndoStack(self)
        self._missing: set[str] = set()
        self._missing_count: int | None = 0

    @property
    def rows(self) -> tuple[LabelRow, ...]:
        """All rows in the order of the file."""
        return tuple(self.table.rows)

    @property
    def missing(self) -> list[int]:
        """Numbers of rows whose clip is not there."""
        gone = self._missing
        return [number for number, row in enumerate(self.table.rows) if row.path in gone] if gone else []

    @property
    def missing_count(self) -> int:
        """How many rows have no clip."""
        if self._missing_count is None:
            self._missing_count = len(self.missing)
        return self._missing_count

    def show(self, labels: OpenLabels | None) -> None:
        """Shows a label file; there is nothing to take back yet."""
        self.beginResetModel()
        self.undo_stack.clear()
        self._missing = set(labels.missing) if labels is not None else set()
        self._missing_count = None
        self.table.load(labels.rows if labels else (), labels.facts if labels else {})
        self.table.findings = dict(labels.findings) if labels else {}
        self.endResetModel()

    def number(self, shown: int) -> int:
        """The row's place in the file."""
        return self.table.shown[shown]

    def row(self, shown: int) -> LabelRow:
        """A row by its place on the screen."""
        return self.table.rows[self.table.shown[shown]]

    def place(self, number: int) -> int:
        """Where a row of the file is on the screen; -1 when it is not shown."""
        try:
            return self.table.shown.index(number)
        except ValueError:
            return -1

    def is_missing(self, shown: int) -> bool:
        """Whether the row's clip is not there."""
        return self.row(shown).path in self._missing

    def note(self, missing: Iterable[str], there: Iterable[str], facts: Mapping[str, ClipFacts]) -> None:
        """Takes in what was found out about clips."""
        self._missing.difference_update(there)
        self._missing.update(missing)
        self._missing_count = None
        for name, found in facts.items():
            known = self.table.facts.get(name, found)
            self.table.facts[name] = replace(known, length_s=found.length_s)
        if self.table.shown:
            last = self.index(len(self.table.shown) - 1, Column.LENGTH)
            self.dataChanged.emit(self.index(0, Column.CLIP), last)

    def sort_by(self, column: Column | None, *, descending: bool = False) -> None:
        """Shows the rows in another order; the file's own order stays."""
        self.table.order, self.table.descending = column, descending
        self._arrange()

    def look_for(self, search: Search | None) -> None:
        """Shows only the rows whose text has something in it.

        Raises:
            re.error: the search is no expression; what is shown stays.
        """
        if search is not None:
            search.compiled()
        self.table.search = search
        self._arrange()

    def set_findings(self, findings: Mapping[LabelRow, RowFindings]) -> None:
        """Shows what the check found; a row that is edited afterwards has no findings any more."""
        self.table.findings = dict(findings)
        self._arrange()

    def show_only_findings(self, *, only: bool) -> None:
        """Shows only the rows that something was found about."""
        self.table.only_findings = only
        self._arrange()

    def change(self, words: str, changes: Mapping[int, Change]) -> None:
        """Puts other rows in the place of some; can be taken back.

        Args:
            words: name of the edit.
            changes: number -> row before, row after.
        """
        if changes:
            self.undo_stack.push(_ChangeRows(words, changes, self._apply_change))

    def splice(self, words: str, edits: Sequence[Splice]) -> None:
        """Carries out edits that change how many rows there are, one after the other; can be taken back."""
        if edits:
            self.undo_stack.push(_SpliceRows(words, edits, self._apply_splices))

    def remove(self, numbers: Iterable[int]) -> None:
        """Takes rows out; their clips stay on disk."""
        chosen = sorted(set(numbers), reverse=True)
        edits: list[Splice] = []
        for number in chosen:
            row = self.table.rows[number]
            if edits and edits[-1].start == number + 1:  # rows that stand together go together
                edits[-1] = Splice(number, (row, *edits[-1].before), ())
            else:
                edits.append(Splice(number, (row,), ()))
        self.splice(self.tr("delete %d rows") % len(chosen), edits)

    def set_field(self, column: Column, numbers: Iterable[int], value: str) -> bool:
        """Gives several rows the same speaker or language.

        Returns:
            Whether the value can be taken.
        """
        text = " ".join(value.split())
        if reason := self._fault(column, text):
            self.refused.emit(reason)
            return False
        changes = {}
        for number in numbers:
            row = self.table.rows[number]
            after = _with(row, column, text)
            if after != row:
                changes[number] = (row, after)
        self.change(self.tr("change %s") % self.headerData(column, Qt.Orientation.Horizontal), changes)
        return True

    def rowCount(self, parent: Index | None = None) -> int:
        """One a row that is shown."""
        return 0 if parent is not None and parent.isValid() else len(self.table.shown)

    def columnCount(self, parent: Index | None = None) -> int:  # noqa: ARG002 - Qt's signature
        """One for each Column."""
        return len(Column)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Names of columns, numbers of rows in the file."""
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        if orientation is Qt.Orientation.Vertical:
            return self.number(section) + 1 if section < len(self.table.shown) else None
        return (
            self.tr("Clip"),
            self.tr("Length"),
            self.tr("Sure"),
            self.tr("Speaker"),
            self.tr("Language"),
            self.tr("Check"),
            self.tr("Text"),
        )[section]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Texts, and a warning at a clip that is not there."""
        row, column = self.row(index.row()), Column(index.column())
        if role in _WAYS:
            return self._text(row, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            if column is Column.CLIP:
                return self.tr("Not there: %s") % row.path if row.path in self._missing else row.path
            if column is Column.CHECK and row in self.table.findings:
                return self.table.findings[row].details
            if column is Column.CONFIDENCE:
                return self.tr("How sure speech recognition was of this clip")
            return self._text(row, column)
        if role == Qt.ItemDataRole.TextAlignmentRole and column in _NUMBERS:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Speaker, language and text can be edited."""
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() in FIELDS else flags

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Takes an edited text, when the file can keep it."""
        column = Column(index.column())
        if role != Qt.ItemDataRole.EditRole or column not in FIELDS:
            return False
        return self.set_field(column, [self.number(index.row())], str(value))

    def _text(self, row: LabelRow, column: Column) -> str:
        if column in FIELDS:
            return str(getattr(row, FIELDS[column]))
        if column is Column.CLIP:
            return f"⚠ {row.name}" if row.path in self._missing else row.name
        if column is Column.CHECK:
            return self.table.check_words(row)
        facts = self.table.fact(row)
        if column is Column.LENGTH:
            return "" if facts.length_s is None else f"{facts.length_s:.1f} s"
        return "" if facts.confidence is None else f"{facts.confidence:.0%}"

    def _fault(self, column: Column, text: str) -> str:
        if "|" in text:
            return self.tr("A label file cannot keep the mark “|”.")
        if column is Column.TEXT and not text:
            return self.tr("A row needs a text.")
        if column is Column.LANGUAGE and text.lower() not in LABEL_LANGUAGES:
            return self.tr("Languages are %s.") % ", ".join(LABEL_LANGUAGES)
        return ""

    def _arrange(self) -> None:
        self.beginResetModel()
        self.table.arrange()
        self.endResetModel()
        self.rearranged.emit(-1)

    def _apply_change(self, rows: Mapping[int, LabelRow]) -> None:
        self.table.change(rows)
        if self.table.shown:
            last = self.index(len(self.table.shown) - 1, Column.TEXT)
            one = self.place(next(iter(rows))) if len(rows) == 1 else -1
            first = self.index(max(one, 0), Column.CLIP)
            self.dataChanged.emit(first, self.index(one, Column.TEXT) if one >= 0 else last)
        self._missing_count = None
        self.edited.emit()

    def _apply_splices(self, edits: Sequence[Splice]) -> None:
        self.beginResetModel()
        self.table.splice(edits)
        self.endResetModel()
        self._missing_count = None
        self.edited.emit()
        self.rearranged.emit(min(edit.start for edit in edits))


def _with(row: LabelRow, column: Column, text: str) -> LabelRow:
    if column is Column.SPEAKER:
        return replace(row, speaker=text)
    if column is Column.LANGUAGE:
        return replace(row, language=text.lower())
    return replace(row, text=text)
