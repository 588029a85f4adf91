"""The local server as a Qt object: a process that is there while the user wants it."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal, Slot

from engine.protocol.errors import EngineError
from engine.protocol.launch import read_page_request
from gsv_desktop.jobs.launch import Launch, server_launch
from gsv_desktop.jobs.process import hide_console

log = logging.getLogger(__name__)
STOP_GRACE_MS: Final = 15_000
SHUT_DOWN_MS: Final = 4_000
LAST_WORDS: Final = 40


class ServerState(StrEnum):
    """Whether callers can come."""

    OFF = "off"
    STARTING = "starting"
    ON = "on"
    STOPPING = "stopping"


class LocalServer(QObject):
    """Starts and stops `python -m engine serve`.

    Signals:
        changed: state or address are new.
        failed: it ended by itself; carries an `EngineError` with its last words.
        page_wanted: a caller wants a page to be shown: its stage, and a label file or nothing.
    """

    changed = Signal()
    failed = Signal(object)
    page_wanted = Signal(str, str)

    def __init__(
        self, parent: QObject | None = None, *, launch: Callable[[Path], Launch] = server_launch
    ) -> None:
        super().__init__(parent)
        self._launch = launch
        self._state = ServerState.OFF
        self._address = ""
        self._words: deque[str] = deque(maxlen=LAST_WORDS)
        self._ladder = QTimer(self)
        self._ladder.setSingleShot(True)
        self._ladder.timeout.connect(self._on_grace_over)
        self._process = QProcess(self)
        hide_console(self._process)
        self._process.readyReadStandardOutput.connect(self._on_stdout)
        self._process.readyReadStandardError.connect(self._on_stderr)
        self._process.finished.connect(self._on_finished)
        self._process.errorOccurred.connect(self._on_error)

    @property
    def state(self) -> ServerState:
        """Whether callers can come."""
        return self._state

    @property
    def address(self) -> str:
        """Where callers find it; empty while it is not on."""
        return self._address

    def start(self, workspace: Path) -> None:
        """Starts it for a workspace, unless it is there already."""
        if self._state is not ServerState.OFF:
            return
        launch = self._launch(workspace)
        environment = QProcessEnvironment()
        for name, value in launch.environment.items():
            environment.insert(name, value)
        self._process.setProcessEnvironment(environment)
        self._process.setProgram(launch.program)
        self._process.setArguments(list(launch.arguments))
        if launch.folder is not None:
            self._process.setWorkingDirectory(str(launch.folder))
        self._words.clear()
        self._enter(ServerState.STARTING)
        self._process.start()

    def stop(self) -> None:
        """Lets it end the answers that are on their way; one that does not end is killed."""
        if self._state in (ServerState.OFF, ServerState.STOPPING):
            return
        self._enter(ServerState.STOPPING)
        self._process.closeWriteChannel()
        self._ladder.start(STOP_GRACE_MS)

    def shut_down(self) -> None:
        """Ends it before this returns: for the end of the program."""
        if self._state is ServerState.OFF:
            return
        self.stop()
        if not self._process.waitForFinished(SHUT_DOWN_MS):
            self._process.kill()
            self._process.waitForFinished(SHUT_DOWN_MS)

    def _enter(self, state: ServerState, address: str = "") -> None:
        self._state, self._address = state, address
        self.changed.emit()

    @Slot()
    def _on_stdout(self) -> None:
        while self._process.canReadLine():
            line = bytes(self._process.readLine().data()).decode("utf-8", errors="replace").strip()
            if self._state is ServerState.STARTING and line.startswith("http://"):
                self._enter(ServerState.ON, line)
            elif asked := read_page_request(line):
                self.page_wanted.emit(*asked)

    @Slot()
    def _on_stderr(self) -> None:
        text = bytes(self._process.readAllStandardError().data()).decode("utf-8", errors="replace")
        for line in filter(None, map(str.strip, text.splitlines())):
            log.info("server: %s", line)
            self._words.append(line)

    @Slot(int, QProcess.ExitStatus)
    def _on_finished(self, exit_code: int, _: QProcess.ExitStatus) -> None:
        self._ladder.stop()
        self._on_stderr()
        wanted = self._state is ServerState.STOPPING
        self._enter(ServerState.OFF)
        if not wanted:
            self._complain(f"exit code {exit_code}")

    @Slot(QProcess.ProcessError)
    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart:
            self._enter(ServerState.OFF)
            self._complain(self._process.errorString())

    @Slot()
    def _on_grace_over(self) -> None:
        self._process.kill()

    def _complain(self, why: str) -> None:
        said = " ".join(list(self._words)[-2:]) or why
        message = self.tr("The local server ended: %s") % said
        self.failed.emit(EngineError(message, detail="\n".join(self._words)))
