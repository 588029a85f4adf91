"""A page that runs one stage: form on the left, what comes of it on the right."""

from __future__ import annotations

from pydantic import JsonValue
from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSplitter,
    QWidget,
)

from engine.protocol.stages.base import StageSpec
from gsv_desktop.core.state import WorkState
from gsv_desktop.errors import Fault, show_error
from gsv_desktop.jobs.job import Job
from gsv_desktop.pages.page import Page
from gsv_desktop.pages.services import Services
from gsv_desktop.widgets.editors import PathEditor
from gsv_desktop.widgets.form import StageForm
from gsv_desktop.widgets.path_edit import dropped_paths
from gsv_desktop.widgets.state_badge import how_far

DROP_FIELD = "input"
OWN_FIELDS = frozenset({"workspace", "experiment"})
FORM_WIDTH = 440
SAVE_DELAY_MS = 800
PERMILLE = 1000


class StagePage(Page):
    """Form, start, stop and progress of a stage."""

    def __init__(
        self,
        services: Services,
        spec: StageSpec,
        parent: QWidget | None = None,
        hidden: frozenset[str] = OWN_FIELDS,
    ) -> None:
        super().__init__(services, spec.title, spec.about, parent)
        self.spec = spec
        self.stage = spec.name
        self._watched: Job | None = None
        self._complaining = False
        self.splitter = QSplitter(Qt.Orientation.Horizontal, self)
        self.splitter.setChildrenCollapsible(False)
        self.form = StageForm(spec, hidden=hidden, defaults=services.board.project.defaults(spec.name))
        self.form_area = scrolled(self.form)
        self.setAcceptDrops(self._drop_editor() is not None)
        self.splitter.addWidget(self.form_area)
        self.body.addWidget(self.splitter, 1)
        self._expert = QCheckBox(self.tr("Expert settings"), self)
        self._expert.setChecked(services.settings.current.expert)
        self._expert.setVisible(self.form.has_expert_fields())
        self._expert.toggled.connect(self._on_expert_toggled)
        self._reset = QPushButton(self.tr("Reset all"), self)
        self._reset.setToolTip(self.tr("Puts every setting of this page back to its default"))
        self._reset.clicked.connect(self._on_reset)
        self.progress = QProgressBar(self)
        self.progress.setAccessibleName(self.tr("Progress"))
        self._progress_words = QLabel(self)
        self._progress_words.setProperty("role", "muted")
        self.stop_button = QPushButton(self.tr("Stop"), self)
        self.stop_button.clicked.connect(self.stop)
        self.start_button = QPushButton(self.tr("Start"), self)
        self.start_button.setProperty("primary", True)
        self.start_button.setAccessibleName(self.tr("Start: %s") % spec.title)
        self.start_button.clicked.connect(self.start)
        for widget in (self._expert, self._reset):
            self.buttons.addWidget(widget)
        self.buttons.addSpacing(12)
        self.buttons.addWidget(self.progress, 1)
        self.buttons.addWidget(self._progress_words)
        self.buttons.addStretch(0)
        for widget in (self.stop_button, self.start_button):
            self.buttons.addWidget(widget)
        self._saver = QTimer(self)
        self._saver.setSingleShot(True)
        self._saver.setInterval(SAVE_DELAY_MS)
        self._saver.timeout.connect(self.save_form)
        self.form.set_expert(services.settings.current.expert)
        self.form.set_values(services.board.project.values(spec.name))
        self.form.edited.connect(self._on_form_edited)
        self.banner.details_asked.connect(self._on_details_asked)
        board = services.board
        board.stage_changed.connect(self._on_stage_changed)
        board.form_filled.connect(self._on_form_filled)
        board.project_opened.connect(self._on_project_opened)
        board.experiment_renamed.connect(self.refresh)
        self.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        """Takes over what another page chose for the expert settings."""
        self._expert.setChecked(self.services.settings.current.expert)
        super().showEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Files and folders may be let go anywhere on the page."""
        if self._drop_editor() is not None and dropped_paths(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """They are the new input."""
        editor = self._drop_editor()
        if editor is not None and editor.take(dropped_paths(event.mimeData())):
            event.acceptProposedAction()

    def _drop_editor(self) -> PathEditor | None:
        row = self.form.rows.get(DROP_FIELD)
        return row.editor if row is not None and isinstance(row.editor, PathEditor) else None

    def add_result(self, widget: QWidget) -> None:
        """Puts the right side in."""
        self.splitter.addWidget(widget)
        self.splitter.setStretchFactor(0, 0)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setSizes([FORM_WIDTH, 2 * FORM_WIDTH])

    def form_values(self) -> dict[str, JsonValue]:
        """What stands in the form."""
        return self.form.values()

    def check(self) -> bool:
        """Whether the form may be started; says what is wrong."""
        return self.form.validate(self.services.board.project.own_values(self.stage))

    def start_job(self) -> Job:
        """Builds the job from the form and hands it to the queue."""
        return self.services.board.start(self.active_stage, self.form_values())

    def watch(self, job: Job) -> None:
        """A new job of this stage is running: subclasses listen to what it tells."""

    def job_done(self, job: Job) -> None:
        """A job of this stage ended well: subclasses show what came of it."""

    def save_form(self) -> None:
        """Keeps the form's values in the project."""
        self._saver.stop()
        self.services.board.remember(self.stage, self.form_values())

    @Slot()
    def start(self) -> None:
        """Starts the stage when its values are right."""
        if not self.check():
            self.banner.say(WorkState.FAILED, self.tr("Please correct: %s") % self.form.fault_text())
            self._complaining = True
            return
        self.banner.clear()
        self._follow(self.start_job())

    @Slot()
    def stop(self) -> None:
        """Stops the running job."""
        job = self.services.board.job_of(self.active_stage)
        if job is not None:
            self.services.board.queue.cancel(job)

    @Slot()
    def refresh(self) -> None:
        """Shows how the stage stands."""
        record = self.services.board.record(self.active_stage)
        job = self.services.board.job_of(self.active_stage)
        if job is not None:
            self._follow(job)
        self.badge.set_state(record.state)
        active = record.state.active
        self.start_button.setEnabled(not active)
        self.start_button.setText(self._start_words(record.state))
        self.stop_button.setVisible(active)
        self.stop_button.setEnabled(job is not None and not job.cancel_requested)
        self.progress.setVisible(active)
        self._progress_words.setVisible(active)
        if active and job is not None:
            self._show_progress(job)
        if record.state.ended:
            self.banner.say(record.state, record.summary, record.hint, details=bool(record.detail))
        else:
            self.banner.clear()

    def _start_words(self, state: WorkState) -> str:
        if state in (WorkState.FAILED, WorkState.CANCELLED):
            return self.tr("Start again")
        return self.tr("Start")

    def _show_progress(self, job: Job) -> None:
        fraction = job.fraction
        if job.state is WorkState.QUEUED:
            self.progress.setRange(0, PERMILLE)
            self.progress.setValue(0)
            self._progress_words.setText(self.tr("waits for another job"))
        elif fraction is None or job.progress is None:
            self.progress.setRange(0, 0)
            self._progress_words.setText(
                self.tr("stopping …") if job.cancel_requested else self.tr("getting ready …")
            )
        else:
            self.progress.setRange(0, PERMILLE)
            self.progress.setValue(round(fraction * PERMILLE))
            self._progress_words.setText(
                self.tr("stopping …") if job.cancel_requested else how_far(job.progress)
            )

    @Slot()
    def _on_form_edited(self) -> None:
        self._saver.start()
        if self._complaining:
            self._complaining = False
            self.refresh()

    def _follow(self, job: Job) -> None:
        if self._watched is job:
            return
        self._watched = job
        job.ended.connect(self._on_job_ended)
        self.watch(job)

    @Slot(object)
    def _on_job_ended(self, outcome: object) -> None:  # noqa: ARG002 - the job has it
        job = self._watched
        if job is not None and job.outcome is not None and job.outcome.successful:
            self.job_done(job)

    @Slot(str)
    def _on_stage_changed(self, stage: str) -> None:
        if stage == self.active_stage:
            self.refresh()

    @Slot(str, str, str)
    def _on_form_filled(self, stage: str, field: str, value: str) -> None:
        if stage == self.stage:
            self.form.set_values({field: value})

    @Slot()
    def _on_project_opened(self) -> None:
        self._watched = None
        project = self.services.board.project
        self.form.set_defaults(project.defaults(self.stage))
        self.form.reset_values()
        self.form.set_values(project.values(self.stage))
        self._saver.stop()
        self.refresh()
        self.shown()

    @Slot(bool)
    def _on_expert_toggled(self, checked: bool) -> None:
        self.form.set_expert(checked)
        if checked != self.services.settings.current.expert:
            self.services.settings.change(expert=checked)

    @Slot()
    def _on_reset(self) -> None:
        self.form.reset_values()

    @Slot()
    def _on_details_asked(self) -> None:
        record = self.services.board.record(self.active_stage)
        show_error(self, Fault(message=record.summary, hint=record.hint, detail=record.detail))


def scrolled(widget: QWidget) -> QScrollArea:
    """A widget in a frame that scrolls up and down when it must."""
    area = QScrollArea()
    area.setWidget(widget)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setMinimumWidth(380)
    area.viewport().setAutoFillBackground(False)
    widget.setAutoFillBackground(False)
    widget.setContentsMargins(0, 0, 12, 0)
    return area
