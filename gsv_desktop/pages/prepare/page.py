"""Prepares labelled clips for training."""

from __future__ import annotations

from pydantic import JsonValue
from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from engine.protocol.stages.base import StageSpec
from engine.protocol.stages.features import PREPARE, SEMANTIC_TOKENS, SSL_FEATURES, TEXT_FEATURES
from gsv_desktop.core.state import WorkState
from gsv_desktop.jobs.job import Job
from gsv_desktop.pages.prepare.actions import Prepared, look_at
from gsv_desktop.pages.services import Services
from gsv_desktop.pages.stage_page import StagePage
from gsv_desktop.widgets.icons import state_icon
from gsv_desktop.widgets.skipped_table import SkippedTable
from gsv_desktop.widgets.state_badge import ICON

PARTS = (PREPARE, TEXT_FEATURES, SSL_FEATURES, SEMANTIC_TOKENS)
COUNT_DELAY_MS = 500


class PreparePage(StagePage):
    """All three steps at once, or one of them."""

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        self.choice = QComboBox()
        self.choice.addItem("", PREPARE.name)
        super().__init__(services, PREPARE, parent)
        self.choice.setAccessibleName(self.tr("What to do"))
        self.choice.setItemText(0, self.tr("Everything (1a, 1b, 1c)"))
        for spec in PARTS[1:]:
            self.choice.addItem(self.tr(spec.title), spec.name)
        self.choice.currentIndexChanged.connect(self._on_choice_changed)
        line = QHBoxLayout()
        label = QLabel(self.tr("What to do"), self)
        label.setBuddy(self.choice)
        line.addWidget(label)
        line.addWidget(self.choice)
        line.addStretch(1)
        self.body.insertLayout(0, line)
        self.add_result(self._make_right())
        self._counter = QTimer(self)
        self._counter.setSingleShot(True)
        self._counter.setInterval(COUNT_DELAY_MS)
        self._counter.timeout.connect(self.shown)
        services.board.experiment_renamed.connect(self.shown)
        self.shown()

    @Slot()
    def shown(self) -> None:
        """Counts what is there."""
        board = self.services.board
        self._show(look_at(board.project.workspace.experiment(board.project.experiment)))

    @property
    def active_stage(self) -> str:
        """The stage that was chosen."""
        return self._chosen().name

    def form_values(self) -> dict[str, JsonValue]:
        """The values of the parameters that the chosen stage has."""
        names = self._chosen().parameters.model_fields
        return {name: value for name, value in self.form.values().items() if name in names}

    def start_job(self) -> Job:
        """Starts the chosen stage; the form's values are kept for all."""
        self.save_form()
        return self.services.board.start(self.active_stage, self.form_values())

    def watch(self, job: Job) -> None:
        """Counts again after each reported artefact."""
        job.artifact_made.connect(self._on_artifact_made)

    def job_done(self, job: Job) -> None:
        """Shows what was left out, and the new counts."""
        if job.outcome is not None and job.outcome.result is not None:
            self.skipped.show_items(job.outcome.result.skipped)
        self.shown()

    def _chosen(self) -> StageSpec:
        name = str(self.choice.currentData())
        return next(spec for spec in PARTS if spec.name == name)

    def _make_right(self) -> QWidget:
        right = QWidget(self)
        layout = QVBoxLayout(right)
        layout.setContentsMargins(12, 0, 0, 0)
        heading = QLabel(self.tr("What is prepared"), right)
        heading.setProperty("role", "heading")
        grid = QGridLayout()
        grid.setHorizontalSpacing(10)
        grid.setColumnStretch(2, 1)
        titles = (
            self.tr("Phones (1a)"),
            self.tr("Clips at 32 kHz (1b)"),
            self.tr("Content features (1b)"),
            self.tr("Semantic tokens (1c)"),
        )
        self._counts: list[tuple[QLabel, QLabel]] = []
        for row, title in enumerate(titles):
            icon, count = QLabel(right), QLabel(right)
            grid.addWidget(icon, row, 0)
            grid.addWidget(QLabel(title, right), row, 1)
            grid.addWidget(count, row, 2)
            self._counts.append((icon, count))
        self._folder = QLabel(right)
        self._folder.setProperty("role", "muted")
        self._folder.setWordWrap(True)
        self.skipped = SkippedTable(right)
        story = QLabel(
            self.tr(
                "Training needs three things of every clip: what is said, as phones (1a); its sound, "
                "as content features beside a 32 kHz copy (1b); and both together, as semantic "
                "tokens (1c). Clips that are done already are left alone when you start again."
            ),
            right,
        )
        story.setProperty("role", "muted")
        story.setWordWrap(True)
        layout.addWidget(heading)
        layout.addWidget(story)
        layout.addLayout(grid)
        layout.addWidget(self._folder)
        layout.addWidget(self.skipped, 1)
        layout.addStretch(0)
        layout.addStretch(1)
        return right

    def _show(self, prepared: Prepared) -> None:
        project = self.services.board.project
        self._folder.setText(self.tr("In %s") % project.workspace.experiment(project.experiment).folder)
        numbers = (prepared.phones, prepared.copies, prepared.features, prepared.tokens)
        for (icon, words), number in zip(self._counts, numbers, strict=True):
            state = WorkState.DONE if number else WorkState.NOT_STARTED
            icon.setPixmap(state_icon(state).pixmap(ICON))
            words.setText(self.tr("%d clips") % number if number else self.tr("nothing yet"))

    @Slot()
    def _on_choice_changed(self) -> None:
        spec = self._chosen()
        self.form.show_only(spec.parameters.model_fields)
        self.refresh()

    @Slot(str, str)
    def _on_artifact_made(self, _kind: str, _path: str) -> None:
        if not self._counter.isActive():
            self._counter.start()
