"""Fine-tunes a network and shows how it learns."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from engine.protocol.stages.base import StageSpec
from gsv_desktop.jobs.job import Job
from gsv_desktop.pages.services import Services
from gsv_desktop.pages.stage_page import StagePage
from gsv_desktop.pages.train.actions import exported_weights
from gsv_desktop.widgets.chart import LossChart
from gsv_desktop.widgets.file_list import FileList

BOOKKEEPING: Final = frozenset({"epoch", "seconds_per_step", "eta_s"})


class TrainPage(StagePage):
    """Form on the left; live curves and the weights made so far on the right."""

    def __init__(self, services: Services, spec: StageSpec, parent: QWidget | None = None) -> None:
        super().__init__(services, spec, parent)
        right = QWidget(self)
        layout = QVBoxLayout(right)
        layout.setContentsMargins(12, 0, 0, 0)
        self.chart = LossChart(right)
        self._heading = QLabel(right)
        self._heading.setProperty("role", "heading")
        self._heading.setWordWrap(True)
        self.weights = FileList(self.tr("Weights"), right)
        self.weights.setMaximumHeight(96)
        layout.addWidget(self.chart, 1)
        layout.addWidget(self._heading)
        layout.addWidget(self.weights)
        self.add_result(right)
        services.board.experiment_renamed.connect(self.shown)
        self.shown()

    @Slot()
    def shown(self) -> None:
        """Looks for weights again."""
        project = self.services.board.project
        found = exported_weights(project.workspace, self.stage, project.experiment)
        self.weights.show_paths(found)
        self.weights.setVisible(bool(found))
        self._heading.setText(
            self.tr("Weights that can speak (newest first)")
            if found
            else self.tr("No weights of the experiment “%s” yet.") % project.experiment
        )

    def watch(self, job: Job) -> None:
        """Draws what the training reports."""
        self.chart.clear()
        job.metric_received.connect(self._on_metric)
        job.artifact_made.connect(self._on_artifact_made)

    def job_done(self, job: Job) -> None:  # noqa: ARG002
        """Shows the last weights."""
        self.shown()

    @Slot(int, object)
    def _on_metric(self, step: int, values: dict[str, float]) -> None:
        self.chart.add(step, {name: value for name, value in values.items() if name not in BOOKKEEPING})

    @Slot(str, str)
    def _on_artifact_made(self, _kind: str, _path: str) -> None:
        self.shown()
