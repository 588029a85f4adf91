"""A stage that makes sound files of sound files: recordings are cut, or cleaned."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtWidgets import QComboBox, QLabel, QSizePolicy, QVBoxLayout, QWidget

from engine.protocol.sources import paths_in
from engine.protocol.stages.base import StageSpec
from gsv_desktop.jobs.job import Job
from gsv_desktop.pages.clips.actions import clips_in, recordings
from gsv_desktop.pages.services import Services
from gsv_desktop.pages.stage_page import StagePage
from gsv_desktop.widgets.clip_view import ClipView
from gsv_desktop.widgets.file_list import FileList
from gsv_desktop.widgets.skipped_table import SkippedTable

LOOK_DELAY_MS = 400


class ClipsPage(StagePage):
    """Form on the left; the recording, and what was made from it, on the right."""

    def __init__(self, services: Services, spec: StageSpec, parent: QWidget | None = None) -> None:
        super().__init__(services, spec, parent)
        right = QWidget(self)
        layout = QVBoxLayout(right)
        layout.setContentsMargins(12, 0, 0, 0)
        self._heading = QLabel(self.tr("Recording"), right)
        self._heading.setProperty("role", "heading")
        self.clip = ClipView(
            services.player,
            self.tr("Choose recordings or a folder of recordings on the left, or drop them here."),
        )
        self.choice = QComboBox(right)
        self.choice.setAccessibleName(self.tr("Recording that is shown"))
        self.choice.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.choice.activated.connect(self._on_recording_chosen)
        self.choice.hide()
        self.skipped = SkippedTable(right)
        self._clips_heading = QLabel(right)
        self._clips_heading.setProperty("role", "heading")
        self.clips = FileList(
            self.tr("Made files"), right, self.tr("Press Start: what comes out appears here.")
        )
        self.clips.chosen.connect(self._on_clip_chosen)
        self.clip.take_space(self.clips)
        layout.addWidget(self._heading)
        layout.addWidget(self.choice)
        layout.addWidget(self.clip, 3)
        layout.addWidget(self._clips_heading)
        layout.addWidget(self.clips, 2)
        layout.addWidget(self.skipped, 1)
        self.add_result(right)
        self._looker = QTimer(self)
        self._looker.setSingleShot(True)
        self._looker.setInterval(LOOK_DELAY_MS)
        self._looker.timeout.connect(self.look)
        self.form.edited.connect(self._looker.start)
        self._shown_input: tuple[Path, ...] = ()
        self.look()

    def shown(self) -> None:
        """Looks at the folders again."""
        self.look()

    def watch(self, job: Job) -> None:  # noqa: ARG002
        """What an earlier run left out is not what this one leaves out."""
        self.skipped.show_items(())

    def job_done(self, job: Job) -> None:
        """Shows the new clips, and which files could not be read."""
        if job.outcome is not None and job.outcome.result is not None:
            self.skipped.show_items(job.outcome.result.skipped)
        self.look()

    @Slot()
    def look(self) -> None:
        """Shows the input's waveform and the output's clips."""
        values = self.form.values()
        chosen = paths_in(values.get("input"))
        if chosen != self._shown_input and self.isVisible():
            self._shown_input = chosen
            self._show_recordings(recordings(chosen))
        output = str(values.get("output") or "")
        clips = clips_in(Path(output)) if output else []
        self.clips.show_paths(clips)
        self._clips_heading.setText(
            self.tr("Made: %d (choose one to see and hear it)") % len(clips)
            if clips
            else self.tr("Made files")
        )

    def _show_recordings(self, found: Sequence[Path]) -> None:
        self._heading.setText(
            self.tr("Recordings: %d") % len(found) if len(found) > 1 else self.tr("Recording")
        )
        self.choice.clear()
        for path in found:
            self.choice.addItem(path.name, str(path))
            self.choice.setItemData(self.choice.count() - 1, str(path), Qt.ItemDataRole.ToolTipRole)
        self.choice.setVisible(len(found) > 1)
        self.clip.load(found[0] if found else None)

    @Slot(int)
    def _on_recording_chosen(self, number: int) -> None:
        self.clip.load(Path(str(self.choice.itemData(number))))

    @Slot(object)
    def _on_clip_chosen(self, path: Path) -> None:
        self._heading.setText(self.tr("Made file"))
        self.choice.hide()
        self._shown_input = ()
        self.clip.load(path)
