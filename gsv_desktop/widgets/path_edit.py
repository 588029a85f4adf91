"""A path, or several: typed, chosen in a dialog, or dropped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import QMimeData, Signal, Slot
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QMenu, QToolButton, QWidget

from engine.protocol.stages.base import FieldKind
from gsv_desktop.widgets.icons import Glyph, glyph_icon

_QUOTED: Final = re.compile(r'"([^"]+)"')
_SEVERAL: Final = re.compile(r'(\s*"[^"]+")+\s*')


def dropped_paths(data: QMimeData) -> tuple[Path, ...]:
    """The files and folders of this machine that are dragged."""
    return tuple(Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile())


class PathEdit(QWidget):
    """A line for a path with a browse button; files and folders may be dropped on it.

    Where it takes several, they stand in the line as Windows' own dialogs write them: `"a.wav" "b.wav"`.

    Signals:
        edited: the path is another one.
    """

    edited = Signal()

    def __init__(
        self,
        kind: FieldKind,
        suffixes: tuple[str, ...] = (),
        parent: QWidget | None = None,
        *,
        several: bool = False,
    ) -> None:
        super().__init__(parent)
        self._kind = kind
        self._suffixes = suffixes
        self._several = several
        self._given: tuple[str, tuple[str, ...]] = ("", ())
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
            menu.addAction(self.tr("Files …") if several else self.tr("File …"), self._on_choose_file)
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

    def paths(self) -> tuple[str, ...]:
        """The paths as texts; none for an empty line."""
        words, given = self._given
        line = self.line.text()
        if self._several and given and line == words:
            return given
        if self._several and _SEVERAL.fullmatch(line):
            return tuple(_QUOTED.findall(line))
        return (self.text(),) if self.text() else ()

    def set_paths(self, paths: Sequence[str]) -> None:
        """Puts paths in."""
        words = " ".join(f'"{path}"' for path in paths) if len(paths) > 1 else "".join(paths)
        self._given = (words, tuple(paths))
        self.set_text(words)
        self.line.setToolTip("\n".join(paths))
        self.line.setCursorPosition(0 if len(paths) > 1 else len(words))

    def take(self, paths: Sequence[Path]) -> bool:
        """Puts in what was dropped and fits; whether anything did."""
        fitting = [path for path in map(self._fitting, paths) if path is not None]
        if not fitting:
            return False
        self.set_paths([str(path) for path in (dict.fromkeys(fitting) if self._several else fitting[:1])])
        return True

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Takes local files and folders of the right kind."""
        if any(self._fitting(path) is not None for path in dropped_paths(event.mimeData())):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Puts what was dropped in."""
        if self.take(dropped_paths(event.mimeData())):
            event.acceptProposedAction()

    def _fitting(self, path: Path) -> Path | None:
        if self._kind in (FieldKind.OPEN_FOLDER, FieldKind.SAVE_FOLDER):
            return path if path.is_dir() else path.parent
        if path.is_file() or self._kind is FieldKind.OPEN_FILE_OR_FOLDER:
            return path
        return None

    def _start(self) -> str:
        paths = self.paths()
        path = Path(paths[0]) if paths else Path.home()
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
        if self._several:
            files, _ = QFileDialog.getOpenFileNames(self, self.tr("Choose files"), self._start(), pattern)
            if files:
                self.set_paths([str(Path(file)) for file in files])
            return
        if self._kind is FieldKind.SAVE_FILE:
            chosen, _ = QFileDialog.getSaveFileName(self, self.tr("Save to"), self._start(), pattern)
        else:
            chosen, _ = QFileDialog.getOpenFileName(self, self.tr("Choose a file"), self._start(), pattern)
        if chosen:
            self.set_text(str(Path(chosen)))
