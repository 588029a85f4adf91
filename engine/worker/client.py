"""Drives a worker process from plain Python: for the command line, scripts, tests and the server."""

from __future__ import annotations

import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import IO, Any, Final, Self

from engine.protocol.errors import WorkerDied
from engine.protocol.launch import worker_command, worker_environment
from engine.protocol.messages import (
    CancelRequest,
    Done,
    End,
    Event,
    Failed,
    Hello,
    JobCancelled,
    Request,
    RunRequest,
)
from engine.protocol.wire import decode_event, encode

CANCEL_GRACE_S: Final = 30.0
TERMINATE_GRACE_S: Final = 5.0


class Worker:
    """One worker process. Use it as a context manager: leaving it ends the process.

    Attributes:
        hello: The process' first message.
    """

    def __init__(self, command: Sequence[str] | None = None, stderr: IO[bytes] | int | None = None) -> None:
        """Starts the process.

        Raises:
            WorkerDied: it ended before it said hello.
        """
        self._process = subprocess.Popen(
            list(command or worker_command()),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=worker_environment(),
            creationflags=_no_console(),
        )
        self._write_lock = threading.Lock()
        first = self._read()
        if not isinstance(first, Hello):
            self.close()
            raise WorkerDied(
                "The worker process could not be started.", hint="See the log for its own words."
            )
        self.hello = first

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def run(
        self, stage: str, parameters: Mapping[str, Any], on_event: Callable[[Event], None] | None = None
    ) -> End:
        """Runs a stage to its end.

        Args:
            stage: Name of the stage.
            parameters: Its parameters, as JSON values.
            on_event: Gets every event, the end included.

        Raises:
            WorkerDied: the process ended without an end message.
        """
        job = self.start(stage, parameters)
        for event in self.events(job):
            if on_event is not None:
                on_event(event)
            if isinstance(event, Done | Failed | JobCancelled):
                return event
        raise AssertionError("events() ends with an end event or raises")

    def start(self, stage: str, parameters: Mapping[str, Any]) -> str:
        """Sends a run request and gives the job's id."""
        job = uuid.uuid4().hex
        self._send(RunRequest(job=job, stage=stage, parameters=dict(parameters)))
        return job

    def cancel(self, job: str) -> None:
        """Asks a job to stop. May be called from any thread."""
        self._send(CancelRequest(job=job))

    def events(self, job: str) -> Iterator[Event]:
        """Every event of a job, its end last.

        Raises:
            WorkerDied: the process ended without an end message.
        """
        while (event := self._read()) is not None:
            if isinstance(event, Hello) or event.job not in ("", job):
                continue
            yield event
            if isinstance(event, Done | Failed | JobCancelled):
                return
        code = self._process.wait()
        raise WorkerDied(
            f"The worker process ended in the middle of the job (exit code {code}).",
            hint="Start the job again: it goes on from what is done.",
        )

    def kill(self) -> None:
        """Ends the process at once."""
        self._process.kill()

    def close(self) -> int:
        """Ends the process: closes its input, then terminates, then kills. Gives its exit code."""
        process = self._process
        if process.stdin is not None:
            try:
                process.stdin.close()
            except OSError:
                process.kill()
        for stop, wait_s in ((None, CANCEL_GRACE_S), (process.terminate, TERMINATE_GRACE_S)):
            if stop is not None:
                stop()
            try:
                code = process.wait(wait_s)
                break
            except subprocess.TimeoutExpired:
                continue
        else:
            process.kill()
            code = process.wait()
        if process.stdout is not None:
            process.stdout.close()
        return code

    def _send(self, request: Request) -> None:
        if self._process.stdin is None:
            raise WorkerDied("The worker process has no input.")
        try:
            with self._write_lock:
                self._process.stdin.write(encode(request))
                self._process.stdin.flush()
        except (OSError, ValueError) as error:
            raise WorkerDied(
                "The worker process is not there any more.", hint="Start the job again.", detail=str(error)
            ) from error

    def _read(self) -> Event | None:
        if self._process.stdout is None:
            return None
        line = self._process.stdout.readline()
        return decode_event(line) if line else None


def _no_console() -> int:
    """Flags that keep Windows from opening a console for the child; 0 elsewhere."""
    if sys.platform == "win32":
        return subprocess.CREATE_NO_WINDOW
    return 0
