"""Corrects what was heard."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QWidget,
)

from engine.protocol.checkup import checkup_beside, read_checkup
from engine.protocol.errors import EngineError
from engine.protocol.stages.base import FieldKind
from engine.protocol.stages.dataset import CHECK
from engine.protocol.stages.features import PREPARE
from gsv_desktop.core.project import LABEL
from gsv_desktop.core.state import WorkState
from gsv_desktop.errors import show_error
from gsv_desktop.pages.label.actions import (
    OpenLabels,
    back_up,
    backup_of,
    find_moved,
    findings_of,
    is_own,
    open_labels,
    save_labels,
)
from gsv_desktop.pages.label.editor import LabelEditor
from gsv_desktop.pages.label.model import Change
from gsv_desktop.pages.label.scan import ClipScan
from gsv_desktop.pages.label.table import Column
from gsv_desktop.pages.page import Page
from gsv_desktop.pages.services import Services
from gsv_desktop.widgets.clip_view import ClipView
from gsv_desktop.widgets.path_edit import PathEdit

SAVE_AFTER_MS = 1500
"""Edits are saved when nothing more was edited for so long."""
MINUTE_S = 60
MEASURED_AT_ONCE = 5000
"""The clips of a list up to this long are measured unasked; those of a longer one when sorted by length."""


class LabelPage(Page):
    """A table of clips and texts, and the waveform of the current one."""

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(
            services,
            self.tr("Label"),
            self.tr(
                "Listen to each clip and correct what stands beside it. Space plays, Enter edits; "
                "every edit is saved by itself and can be taken back."
            ),
            parent,
        )
        self.stage = LABEL
        self._labels: OpenLabels | None = None
        self._dirty = False
        self._backed_up = False
        self._loaded_from = ""
        self.path = PathEdit(FieldKind.OPEN_FILE, (".list",), self)
        self.path.set_name(self.tr("Label file"))
        self.path.edited.connect(self._on_path_edited)
        self.clip = ClipView(services.player, self.tr("Choose a row to see and hear its clip."))
        self.editor = LabelEditor(lambda: self.clip.cursor_s, self)
        self.model, self.table = self.editor.model, self.editor.table
        self.clip.take_space(self.table)
        self.model.edited.connect(self._on_edited)
        self.model.refused.connect(self._on_refused)
        self.editor.failed.connect(self._on_failed)
        self.editor.row_changed.connect(self._on_row_changed)
        self.table.horizontalHeader().sectionClicked.connect(self._on_header_clicked)
        self.scan = ClipScan(self)
        self.scan.found.connect(self.model.note)
        self.scan.finished.connect(self._on_scanned)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SAVE_AFTER_MS)
        self._timer.timeout.connect(self.settle)
        self._make_foot()
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
        self._backed_up = False
        fault = ""
        if text:
            try:
                self._labels = open_labels(Path(text))
            except EngineError as error:
                fault = f"{error.message} {error.hint}"
        self._set_dirty(False)
        self.clip.load(None)
        self.editor.show_labels(self._labels)
        if fault:
            self.banner.say(WorkState.FAILED, fault)
        elif self._labels is not None and is_own(self._labels.path):
            self.banner.say(
                WorkState.NOT_STARTED,
                self.tr("This list came with the program: edits of it are not kept."),
                self.tr("Copy it into your own folder and open it there."),
            )
        else:
            self.banner.clear()
        self._show_problems()
        self._show_counts()
        if self._labels is not None:
            rows = self._labels.rows
            unmeasured = [row for row in rows if row.name not in self._labels.facts]
            self.scan.start(rows, self._labels.path.parent, lengths=0 < len(unmeasured) <= MEASURED_AT_ONCE)

    @Slot()
    def save(self) -> bool:
        """Saves at once; the file as it was opened stays as a copy.

        Returns:
            Whether everything is on disk.
        """
        self._timer.stop()
        if self._labels is None or not self._dirty:
            return True
        try:
            words = self._write()
        except EngineError as error:
            show_error(self, error)
            return False
        self.banner.say(WorkState.DONE, words)
        return True

    @Slot()
    def settle(self) -> bool:
        """Saves what waits to be saved; a fault is told on the page.

        Returns:
            Whether everything is on disk.
        """
        if self._labels is not None and self._dirty:
            try:
                self._write()
            except EngineError as error:
                self._timer.stop()
                self.banner.say(WorkState.FAILED, error.message, error.hint)
        return not self._dirty

    def _write(self) -> str:
        """Saves.

        Returns:
            What was done, for people.

        Raises:
            BadLabels: the file is the program's own.
            OutOfSpace: the file cannot be written.
        """
        if self._labels is None:
            return ""
        path = self._labels.path
        if not self._backed_up and path.is_file() and not is_own(path):
            back_up(path)
            self._backed_up = True
        save_labels(path, self.model.rows, self._labels.problems)
        self._set_dirty(False)
        words = self.tr("%d labels saved to %s; the file as it was opened is %s.") % (
            len(self.model.rows),
            path.name,
            backup_of(path).name,
        )
        self.services.board.labels_saved(str(path), words)
        return words

    def save_form(self) -> None:
        """Keeps the path in the project."""
        self.services.board.remember(LABEL, {"labels": self.path.text()})

    def _make_foot(self) -> None:
        """What stands below the table."""
        self.problems = QPlainTextEdit(self)
        self.problems.setReadOnly(True)
        self.problems.setAccessibleName(self.tr("Lines that cannot be used"))
        self.problems.setMaximumHeight(84)
        self.problems.hide()
        self._words = QLabel(self)
        self._words.setProperty("role", "muted")
        self.play_each = QCheckBox(self.tr("Play each row"), self)
        self.play_each.setToolTip(self.tr("Plays a clip as soon as its row is chosen"))
        self.check_button = QPushButton(self.tr("Check clips"), self)
        self.check_button.setToolTip(
            self.tr("Finds the clips that training would leave out, or that would hurt it")
        )
        self.check_button.clicked.connect(self._on_check)
        self.only_findings = QCheckBox(self.tr("Only findings"), self)
        self.only_findings.toggled.connect(lambda on: self.model.show_only_findings(only=on))
        self.only_findings.hide()
        self.leave_out_button = QPushButton(self.tr("Leave out"), self)
        self.leave_out_button.setToolTip(
            self.tr("Takes the rows that training would leave out anyway out of the list; can be taken back")
        )
        self.leave_out_button.clicked.connect(lambda: self.model.remove(self.model.table.dropped()))
        self.leave_out_button.hide()
        self.relink_button = QPushButton(self.tr("Find moved files …"), self)
        self.relink_button.setToolTip(self.tr("Looks for the missing sound files in another folder"))
        self.relink_button.clicked.connect(self._on_relink)
        self.relink_button.hide()
        self.save_button = QPushButton(self.tr("Save"), self)
        self.save_button.setProperty("primary", True)
        QShortcut(QKeySequence(QKeySequence.StandardKey.Save), self, self.save_button.click)
        self.save_button.setToolTip(self.tr("Save now (Ctrl+S); the file as it was opened is kept as .bak"))
        self.save_button.clicked.connect(self.save)
        self._reload = QPushButton(self.tr("Load again"), self)
        self._reload.setToolTip(self.tr("Reads the file again"))
        self._reload.clicked.connect(self._on_reload)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        label = QLabel(self.tr("Label file"), self)
        label.setBuddy(self.path)
        head.addWidget(label)
        head.addWidget(self.path, 1)
        splitter = QSplitter(Qt.Orientation.Vertical, self)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(self.editor)
        splitter.addWidget(self.clip)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 2)
        self.body.addLayout(head)
        self.body.addWidget(splitter, 1)
        self.body.addWidget(self.problems)
        self.buttons.addWidget(self._words, 1)
        self.buttons.addWidget(self.play_each)
        self.buttons.addWidget(self.only_findings)
        self.buttons.addWidget(self.leave_out_button)
        self.buttons.addWidget(self.check_button)
        self.buttons.addWidget(self.relink_button)
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
            for widget in (self.relink_button, self.only_findings, self.leave_out_button):
                widget.hide()
            self.check_button.setEnabled(False)
            self._words.setText(
                self.tr("No label file is open: transcribe clips first, or choose a .list file.")
            )
            return
        parts = [self.tr("%d clips") % len(self.model.rows)]
        missing, dropped = self.model.missing_count, len(self.model.table.dropped())
        self.check_button.setEnabled(bool(self.model.rows))
        self.only_findings.setVisible(bool(self.model.table.findings))
        self.leave_out_button.setText(self.tr("Leave out %d") % dropped)
        self.leave_out_button.setVisible(dropped > 0)
        self.relink_button.setVisible(missing > 0)
        if missing:
            parts.append(self.tr("⚠ %d sound files are not there") % missing)
        if self._labels.problems:
            parts.append(
                self.tr("⚠ %d lines cannot be used; they stay at the end of the file")
                % len(self._labels.problems)
            )
        if self._dirty:
            parts.append(self.tr("not saved yet"))
        elif self._backed_up:
            parts.append(self.tr("saved"))
        self._words.setText(" · ".join(parts))

    def _set_dirty(self, dirty: bool) -> None:
        self._dirty = dirty
        if dirty:
            self._timer.start()
        else:
            self._timer.stop()
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

    @Slot(object)
    def _on_failed(self, error: EngineError) -> None:
        self.banner.say(WorkState.FAILED, error.message, error.hint)

    @Slot()
    def _on_check(self) -> None:
        """Looks at every clip in a worker; what it finds is shown here."""
        if self._labels is not None and self.settle():
            board = self.services.board
            version = board.project.values(PREPARE.name).get("version") or "v2"
            board.start(CHECK.name, {"labels": str(self._labels.path), "version": version})

    def _show_findings(self) -> None:
        if self._labels is None:
            return
        path = self._labels.path
        self.model.set_findings(findings_of(path, self.model.rows))
        found = read_checkup(checkup_beside(path))
        self._show_counts()
        if found is not None:
            self.banner.say(
                WorkState.DONE,
                self.tr("Training can use %.1f minutes; %.1f minutes would be left out.")
                % (found.kept_s / MINUTE_S, found.dropped_s / MINUTE_S),
                " ".join(found.not_checked[:1]),
            )

    @Slot()
    def _on_reload(self) -> None:
        if self.save():
            self.load()

    @Slot()
    def _on_scanned(self) -> None:
        self._show_counts()

    @Slot(int)
    def _on_header_clicked(self, section: int) -> None:
        """Lengths that nobody knows yet are found out when they are wanted."""
        if section == Column.LENGTH and self._labels is not None:
            known = self.model.table.facts
            unknown = [row for row in self.model.rows if row.name not in known]
            if unknown:
                self.scan.start(unknown, self._labels.path.parent, lengths=True)

    @Slot()
    def _on_relink(self) -> None:
        folder = QFileDialog.getExistingDirectory(
            self, self.tr("Folder with the sound files"), str(Path(self.path.text()).parent)
        )
        if folder:
            self.relink(Path(folder))

    def relink(self, folder: Path) -> None:
        """Takes the missing clips from a folder, where files of their names are; can be taken back."""
        rows = self.model.rows
        missing = [(number, rows[number]) for number in self.model.missing]
        found = find_moved(missing, folder)
        changes: dict[int, Change] = {
            number: (rows[number], replace(rows[number], path=str(path))) for number, path in found.items()
        }
        self.model.note([], [str(path) for path in found.values()], {})
        self.model.change(self.tr("find moved files"), changes)
        self.banner.say(
            WorkState.DONE if found else WorkState.FAILED,
            self.tr("%d of %d missing files were found in %s.") % (len(found), len(missing), folder),
        )
        self._on_row_changed(self.editor.current())

    @Slot(int)
    def _on_row_changed(self, number: int) -> None:
        if self._labels is None or number < 0:
            self.clip.load(None)
            return
        row = self.model.rows[number]
        clip = row.clip(self._labels.path.parent)
        if not clip.is_file():
            self.model.note([row.path], [], {})
            self.clip.show_text(self.tr("There is no sound file at %s") % clip)
            return
        self.clip.load(clip)
        if self.play_each.isChecked():
            self.clip.play_when_loaded()

    @Slot()
    def _on_path_edited(self) -> None:
        text = self.path.text()
        if self.settle() and (not text or Path(text).is_file()):
            self.load()
            self.save_form()

    @Slot()
    def _on_project_opened(self) -> None:
        self.path.blockSignals(True)
        self.path.set_text(str(self.services.board.project.values(LABEL).get("labels") or ""))
        self.path.blockSignals(False)
        self.scan.drop()
        self._labels = None
        self._set_dirty(False)
        if self.isVisible():
            self.load()
        else:
            self._loaded_from = ""
            self.editor.show_labels(None)
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
        elif stage == CHECK.name:
            record = self.services.board.record(stage)
            self.check_button.setEnabled(not record.state.active)
            self.check_button.setText(
                self.tr("Checking …") if record.state.active else self.tr("Check clips")
            )
            if record.state.ended:
                self._show_findings()
            if record.state is WorkState.FAILED:
                self.banner.say(WorkState.FAILED, record.summary, record.hint)
