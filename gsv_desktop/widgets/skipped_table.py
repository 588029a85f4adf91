"""What a stage left out, and why."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from engine.protocol.results import Skipped


class SkippedTable(QTableWidget):
    """Two columns: the item and the reason."""

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
            for column, text in enumerate((item.name, item.reason)):
                cell = QTableWidgetItem(text)
                cell.setToolTip(text)
                cell.setTextAlignment(Qt.AlignmentFlag.AlignVCenter)
                self.setItem(row, column, cell)
        self.setVisible(bool(items))
