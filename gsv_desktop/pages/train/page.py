"""Fine-tunes a network, shows how it learns, and lets its saves be heard."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from PySide6.QtCore import Slot
from PySide6.QtWidgets import (
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QMessageBox,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from engine.protocol.curves import curve_path, read_curve
from engine.protocol.errors import BadParameters, EngineError
from engine.protocol.exports import mean_name
from engine.protocol.pruning import plan_pruning, prune
from engine.protocol.stages.averaging import AVERAGE
from engine.protocol.stages.base import StageSpec
from engine.protocol.stages.training import TrainingParameters
from engine.protocol.training_place import TrainingPlace, states_folder, training_place
from engine.protocol.versions import VERSIONS
from gsv_desktop.core.state import WorkState
from gsv_desktop.errors import Fault, show_error
from gsv_desktop.jobs.job import Job
from gsv_desktop.jobs.outcome import Outcome
from gsv_desktop.pages.services import Services
from gsv_desktop.pages.stage_page import StagePage
from gsv_desktop.pages.train.actions import exported_weights, figures_of, forecast_words, shortened_lines
from gsv_desktop.pages.train.compare import ComparePanel
from gsv_desktop.widgets.chart import LossChart
from gsv_desktop.widgets.file_list import FileList

MOST_EPOCHS: Final = 10_000
GIGABYTE: Final = 10**9
USUAL_VERSION: Final = "v2"
WEIGHTS_HEIGHT: Final = 96


class TrainPage(StagePage):
    """Form on the left; live curves, weights and their comparison on the right."""

    def __init__(self, services: Services, spec: StageSpec, parent: QWidget | None = None) -> None:
        super().__init__(services, spec, parent)
        self._curve_folder: Path | None = None
        self.chart = LossChart(self)
        self._forecast = QLabel(self)
        self._forecast.setProperty("role", "muted")
        self._forecast.setWordWrap(True)
        self._forecast.hide()
        self._heading = QLabel(self)
        self._heading.setProperty("role", "heading")
        self._heading.setWordWrap(True)
        self.tidy_button = QPushButton(self.tr("Free space …"), self)
        self.tidy_button.setToolTip(
            self.tr("Lists the saves that may go; the newest, the best and those in use stay")
        )
        self.tidy_button.clicked.connect(self._on_tidy)
        self.average_button = QPushButton(self.tr("Average"), self)
        self.average_button.setToolTip(
            self.tr("Makes one voice of two or more saves: select them with Ctrl or Shift and a click")
        )
        self.average_button.clicked.connect(self._on_average)
        self.weights = FileList(self.tr("Weights"), self, several=True)
        self.weights.setMaximumHeight(WEIGHTS_HEIGHT)
        self.weights.selected_changed.connect(self._show_averaging)
        self.compare = ComparePanel(services, self._version, self._device, self)
        self.views = QTabWidget(self)
        self.views.setDocumentMode(True)
        self.views.tabBar().setDrawBase(False)
        self.views.addTab(self._make_curves(), self.tr("Curves"))
        self.views.addTab(self.compare, self.tr("Compare by ear"))
        self.add_result(self.views)
        services.board.experiment_renamed.connect(self.shown)
        services.board.stage_changed.connect(self._on_average_changed)
        self.shown()

    def _make_curves(self) -> QWidget:
        box = QWidget(self)
        layout = QVBoxLayout(box)
        layout.setContentsMargins(0, 6, 0, 0)
        layout.addWidget(self.chart, 1)
        layout.addWidget(self._forecast)
        line = QHBoxLayout()
        line.addWidget(self._heading, 1)
        line.addWidget(self.average_button)
        line.addWidget(self.tidy_button)
        layout.addLayout(line)
        layout.addWidget(self.weights)
        return box

    def _version(self) -> str:
        found = str(self.form.values().get("version") or USUAL_VERSION)
        return found if found in VERSIONS else USUAL_VERSION

    def _device(self) -> str:
        return str(self.form.values().get("device") or "auto")

    def parameters(self) -> TrainingParameters | None:
        """What the form asks for; None while it is not right."""
        values = {**self.form_values(), **self.services.board.project.own_values(self.stage)}
        try:
            parsed = self.spec.parse(values)
        except BadParameters:
            return None
        return parsed if isinstance(parsed, TrainingParameters) else None

    @Slot()
    def shown(self) -> None:
        """Looks for weights, curves and reports again."""
        self._show_weights()
        self._load_curve()
        self.compare.fill()

    def _show_weights(self) -> None:
        project = self.services.board.project
        found = exported_weights(project.workspace, self.stage, project.experiment)
        self.weights.show_paths(found)
        self.weights.setVisible(bool(found))
        self.tidy_button.setVisible(bool(found))
        self.average_button.setVisible(len(found) > 1)
        self._show_averaging()
        self._heading.setText(
            self.tr("Weights that can speak (newest first)")
            if found
            else self.tr("No weights of the experiment “%s” yet.") % project.experiment
        )

    @Slot()
    def start(self) -> None:
        """Starts the training; one that is complete asks how far it shall go on."""
        parameters = self.parameters()
        place = training_place(states_folder(parameters)) if parameters is not None else None
        if parameters is not None and place is not None and place.complete(parameters.total_epochs):
            wanted = self._ask_epochs(place)
            if wanted is None:
                return
            self.form.set_values({"total_epochs": wanted})
        super().start()

    def _ask_epochs(self, place: TrainingPlace) -> int | None:
        """How many epochs there shall be in all; None for no."""
        proposed = min(MOST_EPOCHS, place.epoch + max(1, place.total_epochs // 2))
        wanted, yes = QInputDialog.getInt(
            self,
            self.tr("Already at epoch %d") % place.epoch,
            self.tr("This training is already at epoch %d. Continue to how many epochs in all?")
            % place.epoch,
            proposed,
            place.epoch + 1,
            MOST_EPOCHS,
        )
        return wanted if yes else None

    def watch(self, job: Job) -> None:
        """Draws what the training reports, behind what it did before."""
        self._curve_folder = None
        self._load_curve()
        self._forecast.hide()
        job.metric_received.connect(self._on_metric)
        job.artifact_made.connect(self._on_artifact_made)

    def save_form(self) -> None:
        """Keeps the form's values and the test sentences in the project."""
        super().save_form()
        self.compare.save()

    def job_done(self, job: Job) -> None:  # noqa: ARG002
        """Shows the last weights, and lets them be heard."""
        self.shown()
        self.compare.training_ended()

    def _load_curve(self) -> None:
        """Reads the curves of this experiment's training, unless they are on screen."""
        parameters = self.parameters()
        folder = states_folder(parameters) if parameters is not None else None
        if folder == self._curve_folder:
            return
        self._curve_folder = folder
        if folder is None:
            self.chart.clear()
            return
        self.chart.load(figures_of(read_curve(curve_path(folder))))

    @Slot(int, object)
    def _on_metric(self, step: int, values: dict[str, float]) -> None:
        figures = figures_of({name: [(float(step), value)] for name, value in values.items()})
        self.chart.add(step, {name: points[0][1] for name, points in figures.items()})
        if words := forecast_words(values):
            self._forecast.setText(self.tr("Forecast: %s") % words)
            self._forecast.show()

    @Slot(str, str)
    def _on_artifact_made(self, kind: str, _path: str) -> None:
        self._show_weights()
        if kind == "weights" and self.services.board.record(self.stage).state is WorkState.RUNNING:
            self.compare.weights_saved()

    @Slot()
    def _show_averaging(self) -> None:
        """Two saves or more can be averaged, while nothing is."""
        active = self.services.board.record(AVERAGE.name).state.active
        self.average_button.setEnabled(len(self.weights.selected) > 1 and not active)
        self.average_button.setText(self.tr("Averaging …") if active else self.tr("Average"))

    @Slot()
    def _on_average(self) -> None:
        """Starts it; the mean lies beside the saves, and is among the voices."""
        chosen = self.weights.selected
        try:
            mean_name([path.name for path in chosen])
        except EngineError as error:
            show_error(self, error)
            return
        job = self.services.board.start(AVERAGE.name, {"files": [str(path) for path in chosen]})
        job.ended.connect(self._on_average_ended)

    @Slot(object)
    def _on_average_ended(self, outcome: Outcome) -> None:
        self.shown()
        if outcome.result is not None:
            words = self.tr("%s Speak has it among the voices; Compare by ear lets it be heard.")
            self._heading.setText(words % outcome.result.summary)
        elif outcome.state is WorkState.FAILED:
            show_error(self, Fault(message=outcome.message, hint=outcome.hint, detail=outcome.detail))

    @Slot(str)
    def _on_average_changed(self, stage: str) -> None:
        if stage == AVERAGE.name:
            self._show_averaging()

    @Slot()
    def _on_tidy(self) -> None:
        """Asks for the room that there is, lists what would go, and removes it when that is wanted."""
        project = self.services.board.project
        everything = plan_pruning(project.workspace, project.experiment, sys.maxsize).kept_bytes
        room_gb, yes = QInputDialog.getDouble(
            self,
            self.tr("Free space"),
            self.tr("The saves of “%s” (SoVITS and GPT) take %.2f GB. How many GB may they take?")
            % (project.experiment, everything / GIGABYTE),
            everything / GIGABYTE / 2,
            0.0,
            everything / GIGABYTE,
            3,
        )
        if not yes:
            return
        plan = plan_pruning(project.workspace, project.experiment, round(room_gb * GIGABYTE))
        if not plan.removed:
            QMessageBox.information(
                self, self.tr("Free space"), self.tr("Nothing can go.") + "\n" + plan.text()
            )
            return
        going, staying = (shortened_lines(files) for files in (plan.removed, plan.kept))
        answer = QMessageBox.question(
            self,
            self.tr("Free space"),
            self.tr("Remove these %d files?\n\n%s\n\nThese stay:\n\n%s")
            % (len(plan.removed), going, staying),
            QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No,
            QMessageBox.StandardButton.No,
        )
        if answer == QMessageBox.StandardButton.Yes:
            try:
                prune(plan)
            except EngineError as error:
                show_error(self, error)
            self.shown()
