"""The jobs of this session, and the log of one of them."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QSplitter, QVBoxLayout, QWidget

from gsv_desktop.core.state import WorkState
from gsv_desktop.jobs.job import Job
from gsv_desktop.jobs.queue import JobQueue
from gsv_desktop.widgets.job_row import JobRow
from gsv_desktop.widgets.log_view import LogView
from gsv_desktop.widgets.state_badge import how_far


class JobPanel(QSplitter):
    """Rows on the left, the log of the chosen one on the right; the newest job is on top."""

    def __init__(self, queue: JobQueue, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._queue = queue
        self._rows: dict[Job, JobRow] = {}
        self._chosen: Job | None = None
        self._empty = QLabel(self.tr("Jobs appear here, with their progress and their log."))
        self._empty.setProperty("role", "muted")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        inner = QWidget()
        self._list = QVBoxLayout(inner)
        self._list.setContentsMargins(6, 6, 6, 6)
        self._list.setSpacing(6)
        self._list.addWidget(self._empty, 1)
        self._list.addStretch(0)
        area = QScrollArea(self)
        area.setWidget(inner)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setAccessibleName(self.tr("Jobs"))
        self.log = LogView(self)
        self.addWidget(area)
        self.addWidget(self.log)
        self.setChildrenCollapsible(False)
        self.setSizes([560, 440])
        queue.job_added.connect(self._on_job_added)
        queue.job_changed.connect(self._on_job_changed)

    def row(self, job: Job) -> JobRow:
        """The row of a job."""
        return self._rows[job]

    @Slot(object)
    def _on_job_added(self, job: Job) -> None:
        row = JobRow(self.tr(job.spec.title))
        row.chosen.connect(partial(self._choose, job))
        row.cancel_asked.connect(partial(self._queue.cancel, job))
        row.retry_asked.connect(partial(self._queue.retry, job))
        job.log_added.connect(partial(self._on_line, job))
        self._rows[job] = row
        self._empty.hide()
        self._list.insertWidget(0, row)
        self._on_job_changed(job)
        self._choose(job)

    @Slot(object)
    def _on_job_changed(self, job: Job) -> None:
        row = self._rows.get(job)
        if row is not None:
            row.show_state(
                job.state,
                self._words(job),
                fraction=job.fraction,
                stopping=job.cancel_requested and job.state.active,
            )

    def _words(self, job: Job) -> str:
        if job.outcome is not None:
            return f"{job.outcome.message} {job.outcome.hint}".strip()
        if job.cancel_requested:
            return self.tr("Stopping; it may save first …")
        if job.state is WorkState.QUEUED:
            return ""
        if job.progress is None:
            return self.tr("Getting ready …")
        return how_far(job.progress)

    def _choose(self, job: Job) -> None:
        if job is not self._chosen:
            self._chosen = job
            self.log.show_lines(job.log_lines)

    def _on_line(self, job: Job, text: str) -> None:
        if job is self._chosen:
            self.log.add_line(text)
