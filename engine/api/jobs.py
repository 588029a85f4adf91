"""Stages that the server runs for its callers: each in a worker of its own, each only once at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, Final

from engine.protocol.errors import BadParameters, Cancelled, EngineError
from engine.protocol.messages import Done, End, Event, Failed, JobCancelled, Log, Progress
from engine.protocol.results import StageResult
from engine.protocol.stages.base import StageSpec
from engine.protocol.stages.registry import stage as built_in_stage
from engine.worker.client import Worker

log = logging.getLogger(__name__)

CANCEL_GRACE_S: Final = 60.0
"""A cancelled stage may save for so long before its process is ended."""
LOG_FILE: Final = "gsv_server.log"
_PREPARATION: Final = frozenset({"text_features", "ssl_features", "semantic_tokens"})
_EXCLUDES: Final = MappingProxyType(
    {"prepare": _PREPARATION, **{part: frozenset({"prepare"}) for part in _PREPARATION}}
)
"""Stages that write the same files."""


class Occupied(EngineError):
    """The stage, or one that writes the same files, is running already."""

    code = "occupied"


class Job:
    """One run of a stage, from its start to its end.

    Attributes:
        spec: The stage.
        parameters: What it was started with.
    """

    def __init__(self, spec: StageSpec, parameters: Mapping[str, Any]) -> None:
        self.spec = spec
        self.parameters = dict(parameters)
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._end: End | EngineError | None = None
        self._status = ""
        self._warnings: list[str] = []
        self._worker: Worker | None = None
        self._id = ""
        self._cancelled = False
        self._killer: threading.Timer | None = None

    @property
    def name(self) -> str:
        """The stage's name."""
        return self.spec.name

    @property
    def running(self) -> bool:
        """Whether the end has not come yet."""
        return not self._ended.is_set()

    @property
    def status(self) -> str:
        """The newest progress or log line, for people; empty before the first."""
        return self._status

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the stage warned of."""
        return tuple(self._warnings)

    def cancel(self) -> None:
        """Asks the stage to stop; its process is ended when it has not stopped after a grace period."""
        with self._lock:
            if self._cancelled or not self.running:
                return
            self._cancelled = True
            if self._worker is not None:
                self._send_cancel(self._worker)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Waits for the end; False when it has not come in time."""
        return self._ended.wait(timeout_s)

    def result(self) -> StageResult:
        """Waits for the end and gives the result.

        Raises:
            EngineError: the stage failed; message and hint say why.
            Cancelled: it was cancelled.
        """
        self._ended.wait()
        end = self._end
        if isinstance(end, Done):
            return end.result
        if isinstance(end, Failed):
            raise as_error(end)
        if isinstance(end, EngineError):
            raise end
        raise Cancelled

    def drive(
        self,
        open_worker: Callable[[], AbstractContextManager[Worker]],
        on_event: Callable[[Event], None] | None,
    ) -> None:
        """Runs the stage to its end in a new process; called once, on the job's own thread."""
        end: End | EngineError
        try:
            with open_worker() as worker:
                end = self._follow(worker, on_event)
        except EngineError as error:
            end = error
        except Exception as error:
            log.exception("the job %s broke", self.name)
            end = EngineError(
                f"{self.spec.title} could not be followed: {error}", hint="See the server's log."
            )
        finally:
            if self._killer is not None:
                self._killer.cancel()
        if self._cancelled and isinstance(end, EngineError):
            end = JobCancelled(job=self._id)  # its process was ended because it did not stop by itself
        with self._lock:
            self._worker = None
            self._end = end
        self._ended.set()

    def _follow(self, worker: Worker, on_event: Callable[[Event], None] | None) -> End:
        with self._lock:
            self._worker = worker
            self._id = worker.start(self.name, self.parameters)
            if self._cancelled:
                self._send_cancel(worker)
        for event in worker.events(self._id):
            self._note(event)
            if on_event is not None:
                on_event(event)
            if isinstance(event, Done | Failed | JobCancelled):
                return event
        raise EngineError(f"{self.spec.title} ended without an end message.")

    def _note(self, event: Event) -> None:
        if isinstance(event, Progress):
            self._status = f"{event.done:g}/{event.total:g} {event.unit}"
        elif isinstance(event, Log):
            self._status = event.text
            if event.level == "warning":
                self._warnings.append(event.text)

    def _send_cancel(self, worker: Worker) -> None:
        self._killer = threading.Timer(CANCEL_GRACE_S, worker.kill)
        self._killer.daemon = True
        self._killer.start()
        try:
            worker.cancel(self._id)
        except EngineError as error:
            log.info("the worker was gone before it could be cancelled: %s", error.message)


class Jobs:
    """Starts stages, and knows which of them run.

    Args:
        workspace: The workspace's folder; what the workers print goes to its logs.
        command: Program and arguments of a worker; None for the program's own.
        find: Gives the stage of a name.
    """

    def __init__(
        self,
        workspace: Path,
        command: Sequence[str] | None = None,
        find: Callable[[str], StageSpec] = built_in_stage,
    ) -> None:
        self._workspace = workspace
        self._command = command
        self._find = find
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._closed = False

    def start(
        self,
        stage: str,
        parameters: Mapping[str, Any],
        on_event: Callable[[Event], None] | None = None,
    ) -> Job:
        """Starts a stage and comes back at once.

        Args:
            stage: Name of the stage.
            parameters: Its parameters, as JSON values.
            on_event: Gets every event, the end included, on the job's thread.

        Raises:
            BadParameters: there is no such stage, or a value is wrong.
            Occupied: the stage, or one that writes the same files, is running.
        """
        spec = self._find(stage)
        spec.parse(parameters)
        job = Job(spec, parameters)
        with self._lock:
            if self._closed:
                raise BadParameters("The server is being closed.", hint="Start it again.")
            if (conflict := self._conflict(spec)) is not None:
                raise conflict
            self._jobs[stage] = job
            thread = threading.Thread(
                target=job.drive, args=(self._open_worker, on_event), name=f"job {stage}", daemon=True
            )
            thread.start()
        return job

    def run(
        self,
        stage: str,
        parameters: Mapping[str, Any],
        on_event: Callable[[Event], None] | None = None,
    ) -> StageResult:
        """Runs a stage to its end.

        Raises:
            EngineError: it could not be started, or failed.
            Cancelled: it was cancelled.
        """
        return self.start(stage, parameters, on_event).result()

    def cancel(self, stage: str, wait_s: float | None = None) -> bool:
        """Asks a running stage to stop, and waits for its end.

        Args:
            stage: Name of the stage.
            wait_s: How long to wait; None until the end.

        Returns:
            Whether it was running.
        """
        job = self.job(stage)
        if job is None or not job.running:
            return False
        job.cancel()
        job.wait(wait_s)
        return True

    def job(self, stage: str) -> Job | None:
        """The stage's newest job, running or ended."""
        with self._lock:
            return self._jobs.get(stage)

    def running(self) -> tuple[Job, ...]:
        """The jobs that have not ended."""
        with self._lock:
            return tuple(job for job in self._jobs.values() if job.running)

    def close(self) -> None:
        """Cancels what runs and waits for the end; nothing can be started any more."""
        with self._lock:
            self._closed = True
            left = [job for job in self._jobs.values() if job.running]
        for job in left:
            job.cancel()
        for job in left:
            job.wait(CANCEL_GRACE_S)

    def conflict(self, stage: str) -> Occupied | None:
        """Why a stage cannot start now; None when it can.

        Raises:
            BadParameters: there is no such stage.
        """
        spec = self._find(stage)
        with self._lock:
            return self._conflict(spec)

    def _conflict(self, spec: StageSpec) -> Occupied | None:
        for name in (spec.name, *sorted(_EXCLUDES.get(spec.name, frozenset()))):
            other = self._jobs.get(name)
            if other is not None and other.running:
                words = "" if name == spec.name else f" for {other.spec.title}, which writes the same files"
                return Occupied(
                    f"{spec.title} is occupied{words}: a job is running.",
                    hint="Wait for its end, or close it first.",
                )
        return None

    @contextmanager
    def _open_worker(self) -> Iterator[Worker]:
        with self._log() as stream, Worker(self._command, stderr=stream) as worker:
            yield worker

    def _log(self) -> IO[bytes]:
        path = self._workspace / "logs" / LOG_FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("ab")


def as_error(failed: Failed) -> EngineError:
    """The error that a worker reported, as it was raised there."""
    kinds = {kind.code: kind for kind in EngineError.__subclasses__()}
    kind = kinds.get(failed.code, EngineError)
    return kind(failed.message, hint=failed.hint, detail=failed.detail)
