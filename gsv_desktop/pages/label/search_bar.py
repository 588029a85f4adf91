"""Looks for words in the texts and puts others in their place."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QLineEdit, QPushButton, QWidget

from gsv_desktop.pages.label.table import Search


class SearchBar(QWidget):
    """Two lines: what is looked for, and what takes its place.

    Signals:
        changed: the search is another one; None for none.
        replace_asked: the search, and the words that take the place of what it finds.
        left: the user is done here.
    """

    changed = Signal(object)
    replace_asked = Signal(object, str)
    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pattern = QLineEdit(self)
        self.pattern.setPlaceholderText(self.tr("Find in texts (Ctrl+F)"))
        self.pattern.setAccessibleName(self.tr("Find in texts"))
        self.words = QLineEdit(self)
        self.words.setPlaceholderText(self.tr("Replace with"))
        self.words.setAccessibleName(self.tr("Replace with"))
        self.case = QCheckBox(self.tr("Aa"), self)
        self.case.setToolTip(self.tr("Capitals matter"))
        self.case.setAccessibleName(self.tr("Capitals matter"))
        self.regex = QCheckBox(self.tr(".*"), self)
        self.regex.setToolTip(self.tr("Regular expression"))
        self.regex.setAccessibleName(self.tr("Regular expression"))
        self.button = QPushButton(self.tr("Replace all"), self)
        self.button.setToolTip(self.tr("In every row that is shown; can be taken back"))
        self.button.clicked.connect(self._on_replace)
        self._note = QLabel(self)
        self._note.setProperty("role", "muted")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        for widget, stretch in (
            (self.pattern, 2),
            (self.case, 0),
            (self.regex, 0),
            (self.words, 2),
            (self.button, 0),
            (self._note, 1),
        ):
            layout.addWidget(widget, stretch)
        self.pattern.textChanged.connect(self._on_changed)
        self.case.toggled.connect(self._on_changed)
        self.regex.toggled.connect(self._on_changed)
        self._on_changed()

    def search(self) -> Search | None:
        """What is looked for; None for nothing."""
        pattern = self.pattern.text()
        if not pattern:
            return None
        return Search(pattern, regex=self.regex.isChecked(), case=self.case.isChecked())

    def note(self, text: str) -> None:
        """Says how many were found, or what is wrong."""
        self._note.setText(text)

    def clear(self) -> None:
        """Looks for nothing."""
        self.pattern.clear()
        self.note("")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape looks for nothing and goes back to the rows."""
        if event.key() == Qt.Key.Key_Escape:
            self.clear()
            self.left.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.pattern.hasFocus():
            self.left.emit()
        else:
            super().keyPressEvent(event)

    @Slot()
    def _on_changed(self) -> None:
        self.button.setEnabled(bool(self.pattern.text()))
        self.changed.emit(self.search())

    @Slot()
    def _on_replace(self) -> None:
        search = self.search()
        if search is not None:
            self.replace_asked.emit(search, self.words.text())
