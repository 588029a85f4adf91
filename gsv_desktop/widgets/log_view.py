"""Lines of a log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from PySide6.QtCore import QTimer, Slot
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QPlainTextEdit, QWidget

LINES: Final = 5000
FLUSH_MS: Final = 60


class LogView(QPlainTextEdit):
    """Shows lines as they come; many at once are added together."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setMaximumBlockCount(LINES)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.setAccessibleName(self.tr("Log"))
        self.setPlaceholderText(self.tr("Choose a job to see its log."))
        self._waiting: list[str] = []
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(FLUSH_MS)
        self._timer.timeout.connect(self.flush)

    def show_lines(self, lines: Iterable[str]) -> None:
        """Shows these lines instead of the old ones."""
        self._waiting.clear()
        self.setPlainText("\n".join(lines))
        self._to_end()

    def add_line(self, text: str) -> None:
        """Adds a line soon."""
        self._waiting.append(text)
        if not self._timer.isActive():
            self._timer.start()

    @Slot()
    def flush(self) -> None:
        """Adds what waits."""
        if self._waiting:
            self.appendPlainText("\n".join(self._waiting))
            self._waiting.clear()
            self._to_end()

    def _to_end(self) -> None:
        bar = self.verticalScrollBar()
        bar.setValue(bar.maximum())
