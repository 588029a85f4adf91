"""Writes down what is said."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from engine.protocol.sources import paths_in
from engine.protocol.stages.dataset import TRANSCRIBE
from gsv_desktop.jobs.job import Job
from gsv_desktop.pages.clips.actions import recordings
from gsv_desktop.pages.services import Services
from gsv_desktop.pages.stage_page import StagePage
from gsv_desktop.pages.transcribe.actions import carried_over, choices_of, expected_list, rows_of
from gsv_desktop.widgets.editors import ChoiceEditor, TextEditor
from gsv_desktop.widgets.skipped_table import SkippedTable

LOOK_DELAY_MS = 400
PREVIEW_ROWS = 2000


class TranscribePage(StagePage):
    """Form on the left; the text of the clips on the right."""

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(services, TRANSCRIBE, parent)
        self._made: Path | None = None
        right = QWidget(self)
        layout = QVBoxLayout(right)
        layout.setContentsMargins(12, 0, 0, 0)
        self._input_words = QLabel(right)
        self._input_words.setWordWrap(True)
        self._heading = QLabel(right)
        self._heading.setProperty("role", "heading")
        self._heading.setWordWrap(True)
        self.preview = QPlainTextEdit(right)
        self.preview.setReadOnly(True)
        self.preview.setAccessibleName(self.tr("What was heard"))
        self.preview.setPlaceholderText(
            self.tr("What is heard in each clip appears here. The Label page is the place to correct it.")
        )
        layout.addWidget(self._input_words)
        layout.addWidget(self._heading)
        self.skipped = SkippedTable(right)
        layout.addWidget(self.preview, 2)
        layout.addWidget(self.skipped, 1)
        self.add_result(right)
        self._looker = QTimer(self)
        self._looker.setSingleShot(True)
        self._looker.setInterval(LOOK_DELAY_MS)
        self._looker.timeout.connect(self.look)
        self.form.edited.connect(self._looker.start)
        self._offered: dict[str, tuple[str, ...]] = {}
        self.form.rows["engine"].editor.edited.connect(self.offer)
        self.offer()
        self.look()

    def shown(self) -> None:
        """Looks at the folders again."""
        self.look()

    def watch(self, job: Job) -> None:  # noqa: ARG002
        """What an earlier run left out is not what this one leaves out."""
        self.skipped.show_items(())

    def job_done(self, job: Job) -> None:
        """Shows the new list."""
        if job.outcome is not None and job.outcome.result is not None:
            self.skipped.show_items(job.outcome.result.skipped)
            lists = [part.path for part in job.outcome.result.artifacts if part.path.endswith(".list")]
            self._made = Path(lists[0]) if lists else None
        self.look()

    @Slot()
    def offer(self) -> None:
        """Offers the sizes, languages and precisions of the chosen engine."""
        before, self._offered = self._offered, choices_of(str(self.form.rows["engine"].editor.value()))
        for name, now in self._offered.items():
            editor = self.form.rows[name].editor
            kept = carried_over(str(editor.value() or ""), before.get(name, now), now)
            if isinstance(editor, TextEditor | ChoiceEditor):
                editor.set_choices(now)
            editor.set_value(kept)
        self.form.set_defaults({name: now[0] for name, now in self._offered.items()})

    @Slot()
    def look(self) -> None:
        """Shows what is in the folders."""
        values = self.form.values()
        count = len(recordings(paths_in(values.get("input"))))
        self._input_words.setText(
            self.tr("%d clips to be transcribed.") % count
            if count
            else self.tr(
                "There are no clips in the chosen folder yet: slice a recording first, or choose another one."
            )
        )
        path = self._made or expected_list(values)
        rows = rows_of(path)
        self._heading.setText(self.tr("%s: %d lines") % (path.name, len(rows)) if path and rows else "")
        self._heading.setVisible(bool(rows))
        self.preview.setPlainText("\n".join(f"{row.name}    {row.text}" for row in rows[:PREVIEW_ROWS]))
