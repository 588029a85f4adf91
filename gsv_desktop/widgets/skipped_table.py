"""What a stage left out, and why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from engine.protocol.results import Skipped


class SkippedTable(QTableWidget):
    """Two columns: the item and the reason; whole paths are in the tool tips."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 2, parent)
        self.setHorizontalHeaderLabels([self.tr("Left out"), self.tr("Why")])
        self.setAccessibleName(self.tr("What was left out"))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setAlternatingRowColors(True)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.hide()

    def show_items(self, items: Sequence[Skipped]) -> None:
        """Shows the items; without any the table hides."""
        self.setRowCount(len(items))
        for row, item in enumerate(items):
            name = PurePath(item.name).name
            shown = (name, item.reason.replace(item.name, name, 1))
            for column, (text, whole) in enumerate(zip(shown, (item.name, item.reason), strict=True)):
                cell = QTableWidgetItem(text)
                cell.setToolTip(whole)
                cell.setTextAlignment(Qt.AlignmentFlag.AlignVCenter)
                self.setItem(row, column, cell)
        self.setVisible(bool(items))
