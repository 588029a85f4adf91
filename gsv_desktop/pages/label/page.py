"""Corrects what was heard."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QModelIndex, Qt, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QTableView,
    QWidget,
)

from engine.protocol.errors import EngineError
from engine.protocol.stages.base import FieldKind
from gsv_desktop.core.project import LABEL
from gsv_desktop.core.state import WorkState
from gsv_desktop.errors import show_error
from gsv_desktop.pages.label.actions import OpenLabels, open_labels, save_labels
from gsv_desktop.pages.label.model import CLIP, LANGUAGE, SPEAKER, TEXT, LabelModel
from gsv_desktop.pages.page import Page
from gsv_desktop.pages.services import Services
from gsv_desktop.widgets.clip_view import ClipView
from gsv_desktop.widgets.path_edit import PathEdit

WIDTHS = {CLIP: 270, SPEAKER: 90, LANGUAGE: 80}


class LabelPage(Page):
    """A table of clips and texts, and the waveform of the current one."""

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(
            services,
            self.tr("Label"),
            self.tr("Listen to each clip and correct what stands beside it. Space plays, F2 edits."),
            parent,
        )
        self.stage = LABEL
        self._labels: OpenLabels | None = None
        self._dirty = False
        self._loaded_from = ""
        self.path = PathEdit(FieldKind.OPEN_FILE, (".list",), self)
        self.path.set_name(self.tr("Label file"))
        self.path.edited.connect(self._on_path_edited)
        self.model = LabelModel(self)
        self.model.edited.connect(self._on_edited)
        self.model.refused.connect(self._on_refused)
        self.clip = ClipView(services.player, self.tr("Choose a row to see and hear its clip."))
        self.table = self._make_table()
        self.problems = QPlainTextEdit(self)
        self.problems.setReadOnly(True)
        self.problems.setAccessibleName(self.tr("Lines that cannot be used"))
        self.problems.setMaximumHeight(84)
        self.problems.hide()
        self._words = QLabel(self)
        self._words.setProperty("role", "muted")
        self.save_button = QPushButton(self.tr("Save"), self)
        self.save_button.setProperty("primary", True)
        QShortcut(QKeySequence(QKeySequence.StandardKey.Save), self, self.save_button.click)
        self.save_button.setToolTip(self.tr("Save (Ctrl+S); the old file is kept as .bak"))
        self.save_button.clicked.connect(self.save)
        self._reload = QPushButton(self.tr("Load again"), self)
        self._reload.setToolTip(self.tr("Reads the file again and drops what was not saved"))
        self._reload.clicked.connect(self.load)
        self._lay_out()
        services.board.project_opened.connect(self._on_project_opened)
        services.board.form_filled.connect(self._on_form_filled)
        services.board.stage_changed.connect(self._on_stage_changed)
        self._on_project_opened()

    @property
    def dirty(self) -> bool:
        """Whether there are edits that were not saved."""
        return self._dirty

    def shown(self) -> None:
        """Reads the file when it appeared or changed place."""
        if not self._dirty and (self._labels is None or self._loaded_from != self.path.text()):
            self.load()

    @Slot()
    def load(self) -> None:
        """Reads the label file."""
        self._loaded_from = text = self.path.text()
        self._labels = None
        fault = ""
        if text:
            try:
                self._labels = open_labels(Path(text))
            except EngineError as error:
                fault = f"{error.message} {error.hint}"
        self.model.show(self._labels)
        self.clip.load(None)
        self._set_dirty(False)
        if fault and text:
            self.banner.say(WorkState.FAILED, fault)
        else:
            self.banner.clear()
        self._show_problems()
        if self.model.rowCount():
            self.table.setCurrentIndex(self.model.index(0, TEXT))
        self._show_counts()

    @Slot()
    def save(self) -> bool:
        """Saves; the old file stays as a copy."""
        if self._labels is None or not self._dirty:
            return True
        path = self._labels.path
        try:
            copy = save_labels(path, self.model.rows)
        except EngineError as error:
            show_error(self, error)
            return False
        self._set_dirty(False)
        words = self.tr("%d labels saved to %s; the old file is %s.") % (
            self.model.rowCount(),
            path.name,
            copy.name,
        )
        self.services.board.labels_saved(str(path), words)
        self.banner.say(WorkState.DONE, words)
        return True

    def save_form(self) -> None:
        """Keeps the path in the project."""
        self.services.board.remember(LABEL, {"labels": self.path.text()})

    def _make_table(self) -> QTableView:
        table = QTableView(self)
        table.setModel(self.model)
        table.setAccessibleName(self.tr("Labels"))
        table.setAlternatingRowColors(True)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        table.setTabKeyNavigation(False)
        table.setWordWrap(False)
        table.verticalHeader().setDefaultSectionSize(28)
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for column, width in WIDTHS.items():
            table.setColumnWidth(column, width)
        header.setSectionResizeMode(TEXT, QHeaderView.ResizeMode.Stretch)
        table.selectionModel().currentRowChanged.connect(self._on_row_changed)
        self.clip.take_space(table)
        return table

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        label = QLabel(self.tr("Label file"), self)
        label.setBuddy(self.path)
        head.addWidget(label)
        head.addWidget(self.path, 1)
        splitter = QSplitter(Qt.Orientation.Vertical, self)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(self.table)
        splitter.addWidget(self.clip)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 2)
        self.body.addLayout(head)
        self.body.addWidget(splitter, 1)
        self.body.addWidget(self.problems)
        self.buttons.addWidget(self._words, 1)
        self.buttons.addWidget(self._reload)
        self.buttons.addWidget(self.save_button)

    def _show_problems(self) -> None:
        found = self._labels.problems if self._labels is not None else ()
        self.problems.setPlainText(
            "\n".join(self.tr("Line %d %s: %s") % (part.line, part.reason, part.text) for part in found)
        )
        self.problems.setVisible(bool(found))

    def _show_counts(self) -> None:
        if self._labels is None:
            self._words.setText(
                self.tr("No label file is open: transcribe clips first, or choose a .list file.")
            )
            return
        parts = [self.tr("%d clips") % self.model.rowCount()]
        if self._labels.missing:
            parts.append(self.tr("⚠ %d sound files are not there") % len(self._labels.missing))
        if self._labels.problems:
            parts.append(
                self.tr("⚠ %d lines cannot be used; they stay at the end of the file")
                % len(self._labels.problems)
            )
        if self._dirty:
            parts.append(self.tr("not saved yet"))
        self._words.setText(" · ".join(parts))

    def _set_dirty(self, dirty: bool) -> None:
        self._dirty = dirty
        self.save_button.setEnabled(dirty)
        self._show_counts()
        self.badge.set_state(self.state())

    @Slot()
    def _on_edited(self) -> None:
        self.banner.clear()
        self._set_dirty(True)

    @Slot(str)
    def _on_refused(self, reason: str) -> None:
        self.banner.say(WorkState.FAILED, reason)

    @Slot(QModelIndex, QModelIndex)
    def _on_row_changed(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if self._labels is None or not current.isValid():
            return
        row = self.model.rows[current.row()]
        clip = row.clip(self._labels.path.parent)
        if self.model.is_missing(current.row()):
            self.clip.show_text(self.tr("There is no sound file at %s") % clip)
        else:
            self.clip.load(clip)

    @Slot()
    def _on_path_edited(self) -> None:
        text = self.path.text()
        if not self._dirty and (not text or Path(text).is_file()):
            self.load()
            self.save_form()

    @Slot()
    def _on_project_opened(self) -> None:
        self.path.blockSignals(True)
        self.path.set_text(str(self.services.board.project.values(LABEL).get("labels") or ""))
        self.path.blockSignals(False)
        self._labels = None
        self._set_dirty(False)
        if self.isVisible():
            self.load()
        else:
            self._loaded_from = ""
            self.model.show(None)
            self.clip.load(None)

    @Slot(str, str, str)
    def _on_form_filled(self, stage: str, _field: str, value: str) -> None:
        if stage == LABEL and not self._dirty:
            self.path.set_text(value)
            self._loaded_from = ""  # the file may be a new one under its old name
            self.shown()

    @Slot(str)
    def _on_stage_changed(self, stage: str) -> None:
        if stage == LABEL:
            self.badge.set_state(self.state())
