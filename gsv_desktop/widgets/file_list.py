"""Files of a folder, to choose one from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QAbstractItemView, QListView, QWidget

Index = QModelIndex | QPersistentModelIndex


class _Paths(QAbstractListModel):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.paths: list[Path] = []

    def rowCount(self, parent: Index | None = None) -> int:
        """One row a file."""
        return 0 if parent is not None and parent.isValid() else len(self.paths)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """The name; the whole path as a tool tip."""
        if role == Qt.ItemDataRole.DisplayRole:
            return self.paths[index.row()].name
        if role == Qt.ItemDataRole.ToolTipRole:
            return str(self.paths[index.row()])
        return None

    def show(self, paths: Sequence[Path]) -> None:
        """Shows these files."""
        self.beginResetModel()
        self.paths = list(paths)
        self.endResetModel()


class FileList(QListView):
    """Shows files by name.

    Signals:
        chosen: the path of the file that is current now.
        selected_changed: other files are selected.
    """

    chosen = Signal(object)
    selected_changed = Signal()

    def __init__(
        self, name: str, parent: QWidget | None = None, empty_text: str = "", *, several: bool = False
    ) -> None:
        """Makes an empty list.

        Args:
            name: its name for screen readers.
            parent: Qt parent.
            empty_text: words in place of the files.
            several: whether several files can be selected.
        """
        super().__init__(parent)
        if several:
            self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self._empty_text = empty_text
        self._model = _Paths(self)
        self.setModel(self._model)
        self.setAccessibleName(name)
        self.setAlternatingRowColors(True)
        self.setUniformItemSizes(True)
        self.selectionModel().currentChanged.connect(self._on_current_changed)
        self.selectionModel().selectionChanged.connect(lambda *_: self.selected_changed.emit())
        self._model.modelReset.connect(self.selected_changed)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that are shown."""
        return tuple(self._model.paths)

    @property
    def selected(self) -> tuple[Path, ...]:
        """The files that are selected, in the order that they are shown in."""
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        return tuple(self._model.paths[row] for row in rows)

    def show_paths(self, paths: Sequence[Path]) -> None:
        """Shows these files; nothing is chosen."""
        if list(paths) != self._model.paths:
            self._model.show(paths)

    def choose(self, row: int) -> None:
        """Makes a file the current one."""
        self.setCurrentIndex(self._model.index(row, 0))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the files, or words in place of them."""
        super().paintEvent(event)
        if not self._model.paths and self._empty_text:
            painter = QPainter(self.viewport())
            painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
            flags = int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextWordWrap)
            painter.drawText(self.viewport().rect().adjusted(12, 4, -12, -4), flags, self._empty_text)
            painter.end()

    def _on_current_changed(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if current.isValid():
            self.chosen.emit(self._model.paths[current.row()])
