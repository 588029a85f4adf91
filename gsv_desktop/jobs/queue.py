"""The queue: who may run now, in which process."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, Signal, Slot

from engine.protocol.messages import End, Event
from engine.protocol.stages.base import StageSpec
from gsv_desktop.core.project import Values
from gsv_desktop.core.state import WorkState
from gsv_desktop.jobs.job import Job
from gsv_desktop.jobs.launch import Launch, worker_launch
from gsv_desktop.jobs.outcome import Outcome, outcome_of
from gsv_desktop.jobs.process import WorkerProcess

RESIDENT: Final = "speak"
LIGHT_SLOTS: Final = 2
SHUTDOWN_WAIT_MS: Final = 4_000


class JobQueue(QObject):
    """Runs jobs in order: one heavy one at a time, light ones beside it.

    Preparation and training get a process each. Speaking has one that stays, with its models warm;
    it makes room when another heavy job starts.

    Signals:
        job_added: a job entered the queue.
        job_changed: state or progress of a job are new.
        job_ended: a job ended.
    """

    job_added = Signal(object)
    job_changed = Signal(object)
    job_ended = Signal(object)

    def __init__(
        self, parent: QObject | None = None, launch: Callable[[Path | None], Launch] = worker_launch
    ) -> None:
        super().__init__(parent)
        self._make_launch = launch
        self._folder: Path | None = None
        self._jobs: list[Job] = []
        self._workers: dict[WorkerProcess, Job] = {}
        self._speech: WorkerProcess | None = None
        self._closing = False

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All jobs, the oldest first."""
        return tuple(self._jobs)

    @property
    def active(self) -> tuple[Job, ...]:
        """The jobs that wait or run."""
        return tuple(job for job in self._jobs if job.state.active)

    @property
    def speech_pid(self) -> int:
        """Process id of the speaking worker; 0 without one."""
        return self._speech.pid if self._speech is not None else 0

    def set_folder(self, folder: Path) -> None:
        """Workers started from now on are at home in this workspace."""
        if folder != self._folder and self._speech is not None and not self._speech.busy:
            self._drop_speech()
        self._folder = folder

    def submit(self, spec: StageSpec, values: Values) -> Job:
        """Adds a job. Speech goes before other waiting jobs: somebody sits there and listens."""
        job = Job(spec, values, self)
        job.changed.connect(partial(self.job_changed.emit, job))
        self._jobs.append(job)
        self.job_added.emit(job)
        self._start_next()
        return job

    def cancel(self, job: Job) -> None:
        """Stops a job, or takes it out of the queue."""
        if job.state is WorkState.QUEUED:
            self._finish(job, Outcome(state=WorkState.CANCELLED, message="Taken out of the queue."))
        elif job.state is WorkState.RUNNING and not job.cancel_requested:
            job.cancel_requested = True
            for worker, running in self._workers.items():
                if running is job:
                    worker.cancel()
            job.changed.emit()

    def retry(self, job: Job) -> None:
        """Puts an ended job into the queue again; the stage goes on from what is done."""
        if job.state.ended:
            self._jobs.remove(job)
            self._jobs.append(job)
            job.reset()
            self._start_next()

    def shut_down(self) -> None:
        """Ends every process; running jobs get the chance to save. For the end of the program."""
        self._closing = True
        processes = list(self._workers)
        if self._speech is not None and self._speech not in processes:
            processes.append(self._speech)
        for worker in processes:
            worker.close()
        for worker in processes:
            worker.shut_down(SHUTDOWN_WAIT_MS)

    def _start_next(self) -> None:
        if self._closing:
            return
        waiting = [job for job in self._jobs if job.state is WorkState.QUEUED]
        waiting.sort(key=lambda job: job.spec.name != RESIDENT)
        for job in waiting:
            if job.state is WorkState.QUEUED and self._has_room(job.spec):
                self._start(job)

    def _has_room(self, spec: StageSpec) -> bool:
        """Whether a slot is free; a process on its way out still holds its memory."""
        held = [job for job in self._workers.values() if job.spec.heavy == spec.heavy]
        return len(held) < (1 if spec.heavy else LIGHT_SLOTS)

    def _start(self, job: Job) -> None:
        if job.spec.name == RESIDENT:
            worker = self._speech = self._speech or self._make_worker()
        else:
            if job.spec.heavy:
                self._drop_speech()
            worker = self._make_worker()
        self._workers[worker] = job
        job.move(WorkState.RUNNING)
        worker.run(job.id, job.spec.name, job.values)

    def _make_worker(self) -> WorkerProcess:
        worker = WorkerProcess(self._make_launch(self._folder), self)
        _Ear(worker, self)
        return worker

    def _drop_speech(self) -> None:
        if self._speech is not None:
            self._speech.close()
            self._speech = None

    def take_event(self, worker: WorkerProcess, event: Event) -> None:
        """An event of a worker: it belongs to the job that runs there."""
        job = self._workers.get(worker)
        if job is not None:
            job.take(event)

    def take_line(self, worker: WorkerProcess, text: str) -> None:
        """A line of a worker's log."""
        job = self._workers.get(worker)
        if job is not None:
            job.add_line(text)

    def take_end(self, worker: WorkerProcess, end: End) -> None:
        """The end of the job that runs in a worker."""
        job = self._workers[worker]
        if worker is self._speech:
            del self._workers[worker]
            if not worker.running:
                self._speech = None
        else:
            worker.close()
        self._finish(job, outcome_of(end))
        self._start_next()

    def drop(self, worker: WorkerProcess) -> None:
        """A worker's process is gone."""
        self._workers.pop(worker, None)
        if worker is self._speech:
            self._speech = None
        if not self._closing:
            worker.deleteLater()
        self._start_next()

    def _finish(self, job: Job, outcome: Outcome) -> None:
        job.finish(outcome)
        self.job_ended.emit(job)


class _Ear(QObject):
    """Tells the queue which worker it was that said something.

    A connection that held the worker itself would destroy it twice when the worker is deleted.
    """

    def __init__(self, worker: WorkerProcess, queue: JobQueue) -> None:
        super().__init__(worker)
        self._queue = queue
        worker.event_received.connect(self._on_event)
        worker.log_received.connect(self._on_line)
        worker.job_ended.connect(self._on_job_ended)
        worker.process_ended.connect(self._on_process_ended)

    def _worker(self) -> WorkerProcess:
        worker = self.parent()
        if not isinstance(worker, WorkerProcess):
            raise TypeError("an ear belongs to a worker")
        return worker

    @Slot(object)
    def _on_event(self, event: Event) -> None:
        self._queue.take_event(self._worker(), event)

    @Slot(str)
    def _on_line(self, text: str) -> None:
        self._queue.take_line(self._worker(), text)

    @Slot(object)
    def _on_job_ended(self, end: End) -> None:
        self._queue.take_end(self._worker(), end)

    @Slot()
    def _on_process_ended(self) -> None:
        self._queue.drop(self._worker())
