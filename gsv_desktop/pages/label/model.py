"""The rows of a label file as a table."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from engine.protocol.label_list import LabelRow
from engine.protocol.languages import LABEL_LANGUAGES
from gsv_desktop.pages.label.actions import OpenLabels

Index = QModelIndex | QPersistentModelIndex
CLIP, SPEAKER, LANGUAGE, TEXT = range(4)
_FIELDS = {SPEAKER: "speaker", LANGUAGE: "language", TEXT: "text"}
_WAYS = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole)


class LabelModel(QAbstractTableModel):
    """Clip, speaker, language and text of every row; all but the clip can be edited.

    Signals:
        edited: a value is another one.
        refused: why a value was not taken.
    """

    edited = Signal()
    refused = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[LabelRow] = []
        self._missing: frozenset[int] = frozenset()

    @property
    def rows(self) -> tuple[LabelRow, ...]:
        """The rows as they stand."""
        return tuple(self._rows)

    def show(self, labels: OpenLabels | None) -> None:
        """Shows a label file."""
        self.beginResetModel()
        self._rows = list(labels.rows) if labels is not None else []
        self._missing = labels.missing if labels is not None else frozenset()
        self.endResetModel()

    def is_missing(self, row: int) -> bool:
        """Whether the row's clip is not there."""
        return row in self._missing

    def rowCount(self, parent: Index | None = None) -> int:
        """One a clip."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index | None = None) -> int:  # noqa: ARG002 - Qt's signature
        """Four."""
        return 4

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Names of columns, numbers of rows."""
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        if orientation is Qt.Orientation.Vertical:
            return section + 1
        return (self.tr("Clip"), self.tr("Speaker"), self.tr("Language"), self.tr("Text"))[section]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Texts, and a warning at a clip that is not there."""
        row = self._rows[index.row()]
        if role in _WAYS:
            if index.column() == CLIP:
                mark = "⚠ " if index.row() in self._missing else ""
                return mark + row.name
            return str(getattr(row, _FIELDS[index.column()]))
        if role == Qt.ItemDataRole.ToolTipRole:
            if index.column() == CLIP:
                return self.tr("Not there: %s") % row.path if index.row() in self._missing else row.path
            return str(getattr(row, _FIELDS[index.column()]))
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """All but the clip can be edited."""
        flags = super().flags(index)
        return flags if index.column() == CLIP else flags | Qt.ItemFlag.ItemIsEditable

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Takes an edited text, when the file can keep it."""
        if role != Qt.ItemDataRole.EditRole or index.column() == CLIP:
            return False
        text = " ".join(str(value).split())
        reason = self._fault(index.column(), text)
        if reason:
            self.refused.emit(reason)
            return False
        field = _FIELDS[index.column()]
        row = self._rows[index.row()]
        if index.column() == LANGUAGE:
            text = text.lower()
        if getattr(row, field) != text:
            self._rows[index.row()] = _with(row, index.column(), text)
            self.dataChanged.emit(index, index)
            self.edited.emit()
        return True

    def _fault(self, column: int, text: str) -> str:
        if "|" in text:
            return self.tr("A label file cannot keep the mark “|”.")
        if column == TEXT and not text:
            return self.tr("A row needs a text.")
        if column == LANGUAGE and text.lower() not in LABEL_LANGUAGES:
            return self.tr("Languages are %s.") % ", ".join(LABEL_LANGUAGES)
        return ""


def _with(row: LabelRow, column: int, text: str) -> LabelRow:
    if column == SPEAKER:
        return replace(row, speaker=text)
    if column == LANGUAGE:
        return replace(row, language=text)
    return replace(row, text=text)
