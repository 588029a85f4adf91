"""A path: typed, chosen in a dialog, or dropped."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QMenu, QToolButton, QWidget

from engine.protocol.stages.base import FieldKind
from gsv_desktop.widgets.icons import Glyph, glyph_icon


class PathEdit(QWidget):
    """A line for a path with a browse button; files and folders may be dropped on it.

    Signals:
        edited: the path is another one.
    """

    edited = Signal()

    def __init__(
        self, kind: FieldKind, suffixes: tuple[str, ...] = (), parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._kind = kind
        self._suffixes = suffixes
        self.line = QLineEdit(self)
        self.line.setAcceptDrops(False)
        self.line.textChanged.connect(self.edited)
        self.button = QToolButton(self)
        self.button.setIcon(glyph_icon(Glyph.FOLDER))
        self.button.setToolTip(self.tr("Browse …"))
        self.button.setAccessibleName(self.tr("Browse"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.line, 1)
        layout.addWidget(self.button)
        self.setAcceptDrops(True)
        self.setFocusProxy(self.line)
        if kind is FieldKind.OPEN_FILE_OR_FOLDER:
            menu = QMenu(self)
            menu.addAction(self.tr("File …"), self._on_choose_file)
            menu.addAction(self.tr("Folder …"), self._on_choose_folder)
            self.button.setMenu(menu)
            self.button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        elif kind in (FieldKind.OPEN_FOLDER, FieldKind.SAVE_FOLDER):
            self.button.clicked.connect(self._on_choose_folder)
        else:
            self.button.clicked.connect(self._on_choose_file)

    def set_name(self, name: str) -> None:
        """Names both parts for screen readers."""
        self.line.setAccessibleName(name)
        self.button.setAccessibleName(self.tr("Browse: %s") % name)

    def text(self) -> str:
        """The path as text; empty for none."""
        return self.line.text().strip().strip('"')

    def set_text(self, text: str) -> None:
        """Puts a path in."""
        self.line.setText(text)
        self.line.setToolTip(text)
        self.line.setCursorPosition(len(text))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Takes local files and folders of the right kind."""
        if self._dropped(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Puts the dropped path in."""
        path = self._dropped(event)
        if path is not None:
            self.set_text(str(path))
            event.acceptProposedAction()

    def _dropped(self, event: QDropEvent) -> Path | None:
        for url in event.mimeData().urls():
            path = Path(url.toLocalFile()) if url.isLocalFile() else None
            if path is None:
                continue
            if self._kind in (FieldKind.OPEN_FOLDER, FieldKind.SAVE_FOLDER):
                return path if path.is_dir() else path.parent
            if path.is_file() or self._kind is FieldKind.OPEN_FILE_OR_FOLDER:
                return path
        return None

    def _start(self) -> str:
        path = Path(self.text()) if self.text() else Path.home()
        while not path.exists() and path != path.parent:
            path = path.parent
        return str(path)

    @Slot()
    def _on_choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self.tr("Choose a folder"), self._start())
        if chosen:
            self.set_text(str(Path(chosen)))

    @Slot()
    def _on_choose_file(self) -> None:
        names = " ".join(f"*{suffix}" for suffix in self._suffixes)
        pattern = self.tr("Fitting files (%s);;All files (*)") % names if names else self.tr("All files (*)")
        if self._kind is FieldKind.SAVE_FILE:
            chosen, _ = QFileDialog.getSaveFileName(self, self.tr("Save to"), self._start(), pattern)
        else:
            chosen, _ = QFileDialog.getOpenFileName(self, self.tr("Choose a file"), self._start(), pattern)
        if chosen:
            self.set_text(str(Path(chosen)))
