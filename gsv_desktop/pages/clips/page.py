"""A stage that makes sound files of sound files: recordings are cut, or cleaned."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from engine.protocol.stages.base import StageSpec
from gsv_desktop.jobs.job import Job
from gsv_desktop.pages.clips.actions import clips_in, first_recording
from gsv_desktop.pages.services import Services
from gsv_desktop.pages.stage_page import StagePage
from gsv_desktop.widgets.clip_view import ClipView
from gsv_desktop.widgets.file_list import FileList

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
            services.player, self.tr("Choose a recording or a folder of recordings on the left.")
        )
        self._clips_heading = QLabel(right)
        self._clips_heading.setProperty("role", "heading")
        self.clips = FileList(
            self.tr("Made files"), right, self.tr("Press Start: what comes out appears here.")
        )
        self.clips.chosen.connect(self._on_clip_chosen)
        self.clip.take_space(self.clips)
        layout.addWidget(self._heading)
        layout.addWidget(self.clip, 3)
        layout.addWidget(self._clips_heading)
        layout.addWidget(self.clips, 2)
        self.add_result(right)
        self._looker = QTimer(self)
        self._looker.setSingleShot(True)
        self._looker.setInterval(LOOK_DELAY_MS)
        self._looker.timeout.connect(self.look)
        self.form.edited.connect(self._looker.start)
        self._shown_input = ""
        self.look()

    def shown(self) -> None:
        """Looks at the folders again."""
        self.look()

    def job_done(self, job: Job) -> None:  # noqa: ARG002
        """Shows the new clips."""
        self.look()

    @Slot()
    def look(self) -> None:
        """Shows the input's waveform and the output's clips."""
        values = self.form.values()
        chosen = str(values.get("input") or "")
        if chosen != self._shown_input and self.isVisible():
            self._shown_input = chosen
            self._heading.setText(self.tr("Recording"))
            self.clip.load(first_recording(Path(chosen)) if chosen else None)
        output = str(values.get("output") or "")
        clips = clips_in(Path(output)) if output else []
        self.clips.show_paths(clips)
        self._clips_heading.setText(
            self.tr("Made: %d (choose one to see and hear it)") % len(clips)
            if clips
            else self.tr("Made files")
        )

    @Slot(object)
    def _on_clip_chosen(self, path: Path) -> None:
        self._heading.setText(self.tr("Made file"))
        self._shown_input = ""
        self.clip.load(path)
