"""A worker process as a Qt object: messages in, messages out, one end for every job."""

from __future__ import annotations

import logging
import sys
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal, Slot

from engine.protocol.messages import (
    PROTOCOL,
    CancelRequest,
    Done,
    End,
    Event,
    Failed,
    Hello,
    JobCancelled,
    Log,
    RunRequest,
)
from engine.protocol.wire import BadMessage, decode_event, encode
from gsv_desktop.jobs.launch import Launch
from gsv_desktop.jobs.outcome import death, not_started

log = logging.getLogger(__name__)
CANCEL_GRACE_MS: Final = 30_000
TERMINATE_GRACE_MS: Final = 5_000
CLOSE_GRACE_MS: Final = 10_000
LINES_A_TURN: Final = 400
LAST_WORDS: Final = 40


class WorkerProcess(QObject):
    """Runs jobs in a child process, one after another.

    Every `run` is followed by exactly one `job_ended`, whatever becomes of the process.

    Signals:
        event_received: an event of the running job that is not its end.
        job_ended: the end event of the running job; a made-up one when the process died.
        log_received: a line of the worker's log, or a line that was no message.
        process_ended: the process is gone.
    """

    event_received = Signal(object)
    job_ended = Signal(object)
    log_received = Signal(str)
    process_ended = Signal()

    def __init__(
        self,
        launch: Launch,
        parent: QObject | None = None,
        *,
        cancel_grace_ms: int = CANCEL_GRACE_MS,
        terminate_grace_ms: int = TERMINATE_GRACE_MS,
    ) -> None:
        super().__init__(parent)
        self._launch = launch
        self._job = ""
        self._cancelling = False
        self._words: deque[str] = deque(maxlen=LAST_WORDS)
        self._stderr_rest = b""
        self._cancel_grace_ms = cancel_grace_ms
        self._terminate_grace_ms = terminate_grace_ms
        self._ladder = QTimer(self)
        self._ladder.setSingleShot(True)
        self._ladder.timeout.connect(self._on_grace_over)
        self._more = QTimer(self)
        self._more.setSingleShot(True)
        self._more.timeout.connect(self._on_stdout)
        self._process = self._make_process()

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process.state() is not QProcess.ProcessState.NotRunning

    @property
    def busy(self) -> bool:
        """Whether a job is running in it."""
        return bool(self._job)

    @property
    def pid(self) -> int:
        """Id of the process; 0 without one."""
        return int(self._process.processId())

    def run(self, job: str, stage: str, parameters: Mapping[str, Any]) -> None:
        """Starts the process when it is not there, and asks it to run a stage."""
        if self._job:
            raise RuntimeError("a worker runs one job at a time")
        self._job = job
        self._cancelling = False
        self._ladder.stop()
        if not self.running:
            self._process.start()
        self._send(encode(RunRequest(job=job, stage=stage, parameters=dict(parameters))))

    def cancel(self) -> None:
        """Asks the job to stop; a worker that does not is terminated, then killed."""
        if not self._job or self._cancelling:
            return
        self._cancelling = True
        self._ladder.setProperty("terminated", False)
        self._send(encode(CancelRequest(job=self._job)))
        self._ladder.start(self._cancel_grace_ms)

    def close(self) -> None:
        """Lets the process end by itself; one that does not is terminated, then killed."""
        if self.running:
            self._process.closeWriteChannel()
            self._ladder.setProperty("terminated", False)
            self._ladder.start(CLOSE_GRACE_MS)

    def shut_down(self, wait_ms: int = TERMINATE_GRACE_MS) -> None:
        """Ends the process before it returns: for the end of the program."""
        if not self.running:
            return
        self._process.closeWriteChannel()
        for stop in (None, self._process.terminate, self._process.kill):
            if stop is not None:
                stop()
            if self._process.waitForFinished(wait_ms):
                return

    def _make_process(self) -> QProcess:
        process = QProcess(self)
        process.setProgram(self._launch.program)
        process.setArguments(list(self._launch.arguments))
        environment = QProcessEnvironment()
        for name, value in self._launch.environment.items():
            environment.insert(name, value)
        process.setProcessEnvironment(environment)
        if self._launch.folder is not None:
            process.setWorkingDirectory(str(self._launch.folder))
        hide_console(process)
        process.readyReadStandardOutput.connect(self._on_stdout)
        process.readyReadStandardError.connect(self._on_stderr)
        process.finished.connect(self._on_finished)
        process.errorOccurred.connect(self._on_error)
        return process

    def _send(self, line: bytes) -> None:
        if self.running:
            self._process.write(line)

    @Slot()
    def _on_stdout(self) -> None:
        """Takes some lines, then lets the window breathe before it takes more."""
        for _ in range(LINES_A_TURN):
            if not self._process.canReadLine():
                return
            self._take(bytes(self._process.readLine().data()))
        self._more.start(0)

    def _drain(self) -> None:
        """Takes everything that is left of an ended process."""
        self._process.setReadChannel(QProcess.ProcessChannel.StandardOutput)
        for line in bytes(self._process.readAllStandardOutput().data()).split(b"\n"):
            if line.strip():
                self._take(line)
        self._on_stderr()
        if self._stderr_rest:
            self._say(self._stderr_rest)
            self._stderr_rest = b""

    def _take(self, line: bytes) -> None:
        try:
            event = decode_event(line)
        except BadMessage:
            self._say(b"unreadable: " + line[:500].strip())
            return
        if isinstance(event, Hello):
            self._greet(event)
        elif isinstance(event, Done | Failed | JobCancelled):
            self._end(event)
        elif event.job == self._job or (isinstance(event, Log) and not event.job):
            self.event_received.emit(event)

    def _greet(self, hello: Hello) -> None:
        if hello.protocol != PROTOCOL:
            self._say(f"the worker speaks protocol {hello.protocol}, the window {PROTOCOL}".encode())

    def _end(self, end: Event | End) -> None:
        if not isinstance(end, Done | Failed | JobCancelled) or end.job != self._job:
            return
        self._job = ""
        self._ladder.stop()
        self.job_ended.emit(end)

    @Slot()
    def _on_stderr(self) -> None:
        data = self._stderr_rest + bytes(self._process.readAllStandardError().data())
        *lines, self._stderr_rest = data.split(b"\n")
        for line in lines:
            self._say(line)

    def _say(self, line: bytes) -> None:
        text = line.decode("utf-8", errors="replace").rstrip()
        self._words.append(text)
        self.log_received.emit(text)

    @Slot(int, QProcess.ExitStatus)
    def _on_finished(self, exit_code: int, status: QProcess.ExitStatus) -> None:
        self._ladder.stop()
        self._more.stop()
        self._drain()
        log.info("worker ended: code %s, %s", exit_code, status)
        if self._job and self._cancelling:
            self._end(JobCancelled(job=self._job))
        elif self._job:
            crashed = status is QProcess.ExitStatus.CrashExit
            words = "\n".join(self._words)
            self._end(death(self._job, crashed=crashed, exit_code=exit_code, last_words=words))
        self.process_ended.emit()

    @Slot(QProcess.ProcessError)
    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error is not QProcess.ProcessError.FailedToStart:
            return
        reason = self._process.errorString()
        self._ladder.stop()
        if self._job:
            self._end(not_started(self._job, self._launch.program, reason))
        self.process_ended.emit()

    @Slot()
    def _on_grace_over(self) -> None:
        """The next step of the ladder: terminate, and kill when that is of no use either."""
        if not self.running:
            return
        if self._ladder.property("terminated"):
            self._process.kill()
            return
        self._ladder.setProperty("terminated", True)
        self._process.terminate()
        self._ladder.start(self._terminate_grace_ms)


def hide_console(process: QProcess) -> None:
    """Keeps Windows from opening a console window; the call exists on that system alone."""
    if sys.platform == "win32":
        create_no_window = 0x08000000

        def modify(arguments: Any) -> None:
            arguments.flags |= create_no_window

        process.setCreateProcessArgumentsModifier(modify)
