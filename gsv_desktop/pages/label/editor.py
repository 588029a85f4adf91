"""The table of a label file with everything that changes it, by mouse or by keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QModelIndex, QPoint, Qt, Signal, Slot
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDoubleSpinBox,
    QHBoxLayout,
    QHeaderView,
    QInputDialog,
    QMenu,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.protocol.errors import EngineError
from engine.protocol.label_list import LabelRow
from engine.protocol.languages import LABEL_LANGUAGES
from gsv_desktop.pages.label.actions import OpenLabels, parted_words
from gsv_desktop.pages.label.clips import clip_length, join_clips, split_clip
from gsv_desktop.pages.label.model import LabelModel
from gsv_desktop.pages.label.search_bar import SearchBar
from gsv_desktop.pages.label.table import ClipFacts, Column, Search, Splice, joined_text, parted_text

WIDTHS = {
    Column.CLIP: 230,
    Column.LENGTH: 64,
    Column.CONFIDENCE: 56,
    Column.SPEAKER: 90,
    Column.LANGUAGE: 80,
    Column.CHECK: 90,
}
PAUSE_S = 0.3


class LabelView(QTableView):
    """The table; Enter edits the text of the row.

    Signals:
        text_asked: the user wants to edit the text.
    """

    text_asked = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Takes Enter while nothing is edited."""
        editing = self.state() is QAbstractItemView.State.EditingState
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not editing:
            self.text_asked.emit()
        else:
            super().keyPressEvent(event)


class LabelEditor(QWidget):
    """Rows, search, and the edits.

    Signals:
        row_changed: another row is the current one; its number in the file, -1 for none.
        failed: an edit could not be made; the error.
    """

    row_changed = Signal(int)
    failed = Signal(object)

    def __init__(self, cursor_s: Callable[[], float], parent: QWidget | None = None) -> None:
        """Builds the table.

        Args:
            cursor_s: where the user stands in the current clip, in seconds.
            parent: Qt parent.
        """
        super().__init__(parent)
        self._cursor_s = cursor_s
        self._labels: OpenLabels | None = None
        self.model = LabelModel(self)
        self.model.rearranged.connect(self._on_rearranged)
        self.table = self._make_table()
        self.search_bar = SearchBar(self)
        self.search_bar.changed.connect(self._on_search)
        self.search_bar.replace_asked.connect(self._on_replace)
        self.search_bar.left.connect(self.table.setFocus)
        self.pause = QDoubleSpinBox(self)
        self.pause.setRange(0, 2)
        self.pause.setSingleStep(0.1)
        self.pause.setValue(PAUSE_S)
        self.pause.setSuffix(self.tr(" s"))
        self.pause.setAccessibleName(self.tr("Pause between joined clips"))
        self.pause.setToolTip(self.tr("Pause between joined clips"))
        self.actions_by_name = self._make_actions()
        bar = QHBoxLayout()
        bar.setSpacing(4)
        for name in ("undo", "redo", "join", "split", "delete"):
            button = QToolButton(self)
            button.setDefaultAction(self.actions_by_name[name])
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
            bar.addWidget(button)
            if name == "join":
                bar.addWidget(self.pause)
        bar.addSpacing(10)
        bar.addWidget(self.search_bar, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(bar)
        layout.addWidget(self.table, 1)
        self._update_actions()

    def show_labels(self, labels: OpenLabels | None) -> None:
        """Shows a label file."""
        self._labels = labels
        self.search_bar.clear()
        self.table.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.model.show(labels)
        if self.model.rowCount():
            self.table.setCurrentIndex(self.model.index(0, Column.TEXT))
        self._update_actions()

    def current(self) -> int:
        """Number of the current row in the file; -1 for none."""
        index = self.table.currentIndex()
        return self.model.number(index.row()) if index.isValid() else -1

    def chosen(self) -> list[int]:
        """Numbers of the selected rows in the order of the file."""
        rows = self.table.selectionModel().selectedRows()
        return sorted(self.model.number(index.row()) for index in rows)

    @Slot()
    def join(self) -> None:
        """Makes one clip of those selected: a new file, and one row in place of the first."""
        numbers = self.chosen()
        if self._labels is None or len(numbers) < 2:
            return
        base = self._labels.path.parent
        rows = [self.model.rows[number] for number in numbers]
        try:
            made = join_clips([row.clip(base) for row in rows], self.pause.value(), self._labels.path)
        except EngineError as error:
            self.failed.emit(error)
            return
        joined = replace(rows[0], path=self._written(made, rows[0]), text=joined_text(rows), line=0)
        self._know(made)
        edits = [Splice(number, (self.model.rows[number],), ()) for number in reversed(numbers[1:])]
        edits.append(Splice(numbers[0], (rows[0],), (joined,)))
        self.model.splice(self.tr("join %d clips") % len(numbers), edits)

    @Slot()
    def split(self) -> None:
        """Cuts the current clip where the cursor stands: two new files, two rows."""
        number = self.current()
        if self._labels is None or number < 0:
            return
        row, second = self.model.rows[number], self._cursor_s()
        clip = row.clip(self._labels.path.parent)
        try:
            first, rest = split_clip(clip, second, self._labels.path)
        except EngineError as error:
            self.failed.emit(error)
            return
        before, after = self._parts(row, clip, second)
        rows = (
            replace(row, path=self._written(first, row), text=before, line=0),
            replace(row, path=self._written(rest, row), text=after, line=0),
        )
        self._know(first)
        self._know(rest)
        self.model.splice(self.tr("split %s") % row.name, [Splice(number, (row,), rows)])

    @Slot()
    def delete(self) -> None:
        """Takes the selected rows out; their clips stay on disk."""
        self.model.remove(self.chosen())

    @Slot()
    def edit_text(self) -> None:
        """Edits the text of the current row."""
        index = self.table.currentIndex()
        if index.isValid():
            text = self.model.index(index.row(), Column.TEXT)
            self.table.setCurrentIndex(text)
            self.table.edit(text)

    @Slot()
    def go_to_search(self) -> None:
        """Goes to the search."""
        self.search_bar.pattern.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search_bar.pattern.selectAll()

    def set_speaker(self) -> None:
        """Asks for the speaker of the selected rows."""
        numbers = self.chosen()
        if not numbers:
            return
        old = self.model.rows[numbers[0]].speaker
        name, taken = QInputDialog.getText(
            self, self.tr("Speaker"), self.tr("Speaker of %d rows") % len(numbers), text=old
        )
        if taken:
            self.model.set_field(Column.SPEAKER, numbers, name)

    def _parts(self, row: LabelRow, clip: Path, second: float) -> tuple[str, str]:
        """The text of both sides: by the times of the words where they were kept and are still the text's."""
        words = self._labels.words.get(row.name, ()) if self._labels is not None else ()
        heard = "".join(word.text for word in words)
        if words and heard.replace(" ", "") == row.text.replace(" ", ""):
            parts = parted_words(words, second)
            if parts is not None:
                return parts
        length_s = clip_length(clip) or 1.0
        return parted_text(row.text, second / length_s)

    def _written(self, clip: Path, like: LabelRow) -> str:
        """A path as the file writes paths: relative where the old one was."""
        base = self._labels.path.parent if self._labels is not None else clip.parent
        relative = not Path(like.path).is_absolute() and clip.is_relative_to(base)
        return clip.relative_to(base).as_posix() if relative else str(clip)

    def _know(self, clip: Path) -> None:
        self.model.table.facts[clip.name] = ClipFacts(length_s=clip_length(clip))

    def _make_table(self) -> LabelView:
        table = LabelView(self)
        table.setModel(self.model)
        table.setAccessibleName(self.tr("Labels"))
        table.setAlternatingRowColors(True)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        table.setTabKeyNavigation(False)
        table.setWordWrap(False)
        table.text_asked.connect(self.edit_text)
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        table.customContextMenuRequested.connect(self._show_menu)
        rows = table.verticalHeader()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(28)
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for column, width in WIDTHS.items():
            table.setColumnWidth(column, width)
        header.setSectionResizeMode(Column.TEXT, QHeaderView.ResizeMode.Stretch)
        header.setSectionsClickable(True)
        header.setSortIndicatorShown(True)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.sectionClicked.connect(self._on_header_clicked)
        table.selectionModel().currentRowChanged.connect(self._on_row_changed)
        table.selectionModel().selectionChanged.connect(self._update_actions)
        return table

    def _make_actions(self) -> dict[str, QAction]:
        stack = self.model.undo_stack
        made = {
            "undo": stack.createUndoAction(self, self.tr("Undo")),
            "redo": stack.createRedoAction(self, self.tr("Redo")),
            "join": QAction(self.tr("Join"), self),
            "split": QAction(self.tr("Split"), self),
            "delete": QAction(self.tr("Delete"), self),
            "find": QAction(self.tr("Find"), self),
        }
        shortcuts = {
            "undo": QKeySequence(QKeySequence.StandardKey.Undo),
            "redo": QKeySequence("Ctrl+Shift+Z"),
            "join": QKeySequence("Ctrl+J"),
            "split": QKeySequence("Ctrl+T"),
            "delete": QKeySequence("Del"),
            "find": QKeySequence(QKeySequence.StandardKey.Find),
        }
        about = {
            "join": self.tr("Joins the selected clips into a new file (Ctrl+J)"),
            "split": self.tr("Cuts the clip where the waveform's cursor stands (Ctrl+T); the old file stays"),
            "delete": self.tr("Takes the selected rows out of the list (Del); the files stay"),
        }
        does = {"join": self.join, "split": self.split, "delete": self.delete, "find": self.go_to_search}
        for name, action in made.items():
            action.setShortcut(shortcuts[name])
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            if name in about:
                action.setToolTip(about[name])
            if name in does:
                action.triggered.connect(does[name])
            owner = self.table if name == "delete" else self
            owner.addAction(action)
        return made

    @Slot(QPoint)
    def _show_menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        for name in ("join", "split", "delete"):
            menu.addAction(self.actions_by_name[name])
        menu.addSeparator()
        menu.addAction(self.tr("Speaker …"), self.set_speaker)
        languages = menu.addMenu(self.tr("Language"))
        for code in LABEL_LANGUAGES:
            languages.addAction(
                code, lambda code=code: self.model.set_field(Column.LANGUAGE, self.chosen(), code)
            )
        menu.exec(self.table.viewport().mapToGlobal(at))

    @Slot()
    def _update_actions(self) -> None:
        if not hasattr(self, "actions_by_name"):
            return
        count = len(self.table.selectionModel().selectedRows())
        self.actions_by_name["join"].setEnabled(count > 1)
        self.actions_by_name["split"].setEnabled(count == 1)
        self.actions_by_name["delete"].setEnabled(count > 0)

    @Slot(int)
    def _on_header_clicked(self, section: int) -> None:
        """Upwards, then downwards, then the order of the file."""
        column, table = Column(section), self.model.table
        header = self.table.horizontalHeader()
        if table.order is not column:
            self.model.sort_by(column)
            header.setSortIndicator(section, Qt.SortOrder.AscendingOrder)
        elif not table.descending:
            self.model.sort_by(column, descending=True)
            header.setSortIndicator(section, Qt.SortOrder.DescendingOrder)
        else:
            self.model.sort_by(None)
            header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)

    @Slot(object)
    def _on_search(self, search: Search | None) -> None:
        if not hasattr(self, "search_bar"):
            return
        try:
            self.model.look_for(search)
        except re.error as error:
            self.search_bar.note(self.tr("No expression: %s") % error)
            return
        self.search_bar.note(self.tr("%d found") % self.model.rowCount() if search is not None else "")

    @Slot(object, str)
    def _on_replace(self, search: Search, words: str) -> None:
        try:
            changes = self.model.table.replaced(search, words, self.model.table.shown)
        except (re.error, IndexError) as error:
            self.search_bar.note(self.tr("No expression: %s") % error)
            return
        self.model.change(self.tr("replace in %d rows") % len(changes), changes)
        self.search_bar.note(self.tr("%d replaced") % len(changes))

    @Slot(int)
    def _on_rearranged(self, number: int) -> None:
        count = self.model.rowCount()
        if not count:
            self.row_changed.emit(-1)
            self._update_actions()
            return
        place = self.model.place(number) if number >= 0 else 0
        place = min(max(place, 0), count - 1)
        self.table.setCurrentIndex(self.model.index(place, Column.TEXT))
        self.table.selectRow(place)

    @Slot(QModelIndex, QModelIndex)
    def _on_row_changed(self, current: QModelIndex, _previous: QModelIndex) -> None:
        self.row_changed.emit(self.model.number(current.row()) if current.isValid() else -1)
