"""The open project at work: starts stages, remembers how they ended, hands their outputs on."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import JsonValue
from PySide6.QtCore import QObject, Signal, Slot

from engine.protocol.errors import EngineError
from engine.protocol.stages.registry import stage as stage_spec
from gsv_desktop.core.handover import Handover, handovers, labels_handover, voice_handover
from gsv_desktop.core.project import LABEL, Project, StageRecord
from gsv_desktop.core.state import WorkState
from gsv_desktop.jobs.job import Job
from gsv_desktop.jobs.outcome import Outcome
from gsv_desktop.jobs.queue import JobQueue

log = logging.getLogger(__name__)


class StageBoard(QObject):
    """Stands between pages and queue.

    Signals:
        project_opened: another project is open now.
        experiment_renamed: another experiment is worked on.
        stage_changed: name of a stage whose state is new.
        form_filled: stage, field and value that another stage hands over.
        save_failed: the project file could not be written; the error.
    """

    project_opened = Signal()
    experiment_renamed = Signal()
    stage_changed = Signal(str)
    form_filled = Signal(str, str, str)
    save_failed = Signal(object)

    def __init__(self, queue: JobQueue, project: Project, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.queue = queue
        self._project = project
        self._owners: dict[Job, tuple[Project, str]] = {}
        queue.set_folder(project.root)
        queue.job_changed.connect(self._on_job_changed)
        queue.job_ended.connect(self._on_job_ended)

    @property
    def project(self) -> Project:
        """The open project."""
        return self._project

    def open(self, project: Project) -> None:
        """Turns to another project; jobs of the old one go on and are recorded there."""
        self._project = project
        self.queue.set_folder(project.root)
        self.project_opened.emit()

    def rename_experiment(self, name: str) -> None:
        """Turns to another experiment.

        Raises:
            BadParameters: the name cannot be a folder's name.
        """
        self._project.rename_experiment(name)
        self.experiment_renamed.emit()

    def start(self, stage: str, values: Mapping[str, JsonValue], *, beside: bool = False) -> Job:
        """Remembers the values and puts the stage into the queue.

        Args:
            stage: its name.
            values: its parameters.
            beside: run beside a heavy job, for one that keeps off the GPU.
        """
        if not beside:
            self.remember(stage, values)
        spec = stage_spec(stage)
        if beside:
            spec = replace(spec, heavy=False)
        job = self.queue.submit(spec, {**values, **self._project.own_values(stage)})
        self._owners[job] = (self._project, self._project.experiment)
        self.stage_changed.emit(stage)
        return job

    def remember(self, stage: str, values: Mapping[str, JsonValue]) -> None:
        """Keeps what stands in a form."""
        try:
            self._project.set_values(stage, values)
        except EngineError as error:
            self.save_failed.emit(error)

    def job_of(self, stage: str) -> Job | None:
        """The newest job of a stage in this project and experiment."""
        for job in reversed(self.queue.jobs):
            if job.spec.name == stage and self._is_current(job):
                return job
        return None

    def record(self, stage: str) -> StageRecord:
        """How a stage stands: its newest job, else what the project remembers."""
        job = self.job_of(stage)
        if job is not None and job.state.active:
            return StageRecord(state=job.state)
        return self._project.record(stage)

    def labels_saved(self, path: str, summary: str) -> None:
        """The label page saved its list."""
        self._keep(self._project, LABEL, StageRecord(state=WorkState.DONE, summary=summary))
        self._hand_over(tuple(part for part in labels_handover(path) if part.stage != LABEL))
        self.stage_changed.emit(LABEL)

    def voice_made(self, folder: Path) -> None:
        """A voice was made for the project: it is the one that speaks."""
        self._hand_over(voice_handover(folder))

    def _is_current(self, job: Job) -> bool:
        project, experiment = self._owners.get(job, (None, ""))
        return project is self._project and experiment == self._project.experiment

    @Slot(object)
    def _on_job_changed(self, job: Job) -> None:
        if self._is_current(job) and job.state.active:
            self.stage_changed.emit(job.spec.name)

    @Slot(object)
    def _on_job_ended(self, job: Job) -> None:
        owner = self._owners.get(job)
        if owner is None or job.outcome is None:
            return
        project, experiment = owner
        if project.experiment == experiment:
            self._keep(project, job.spec.name, _record(job.outcome))
        if self._is_current(job):
            if job.outcome.result is not None:
                self._hand_over(handovers(job.spec.name, job.values, job.outcome.result))
            self.stage_changed.emit(job.spec.name)

    def _keep(self, project: Project, stage: str, record: StageRecord) -> None:
        try:
            project.set_record(stage, record)
        except EngineError as error:
            self.save_failed.emit(error)

    def _hand_over(self, given: tuple[Handover, ...]) -> None:
        for part in given:
            if part.value:
                values = self._project.values(part.stage)
                self.remember(part.stage, {**values, part.field: part.value})
                self.form_filled.emit(part.stage, part.field, part.value)


def _record(outcome: Outcome) -> StageRecord:
    return StageRecord(
        state=outcome.state, summary=outcome.message, hint=outcome.hint, detail=outcome.detail[-4000:]
    )
