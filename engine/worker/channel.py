"""The worker's two ends of the wire: a claimed standard output and a watched standard input."""

from __future__ import annotations

import os
import sys
import threading
from queue import SimpleQueue
from typing import BinaryIO, Final

from engine.protocol.errors import EngineError
from engine.protocol.messages import CancelRequest, Event, Log, Request, RunRequest
from engine.protocol.wire import MAX_LINE_BYTES, decode_request, encode

_STDOUT: Final = 1
_STDERR: Final = 2


def claim_stdout() -> BinaryIO:
    """Takes standard output for the messages alone; what anything else prints goes to standard error.

    Descriptor 1 itself is pointed at standard error, so that prints of C libraries are caught too.
    """
    sys.stdout.flush()
    claimed = os.dup(_STDOUT)
    os.dup2(_STDERR, _STDOUT)
    sys.stdout = sys.stderr
    return os.fdopen(claimed, "wb")


class Outbox:
    """Writes events, one line each, from any thread. When nobody reads any more, the process ends."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, event: Event) -> None:
        """Writes one event and flushes it."""
        line = encode(event)
        with self._lock:
            try:
                self._stream.write(line)
                self._stream.flush()
            except (BrokenPipeError, ConnectionError, ValueError):
                os._exit(1)


class Inbox:
    """Reads requests on a thread of its own, so that a cancel arrives while a stage computes.

    Attributes:
        runs: Run requests in order; None after the end of the input.
        cancelled: Ids of jobs that were asked to stop.
        closed: Set when the parent closed the pipe or died.
    """

    def __init__(self, stream: BinaryIO, outbox: Outbox, grace_s: float) -> None:
        self.runs: SimpleQueue[RunRequest | None] = SimpleQueue()
        self.cancelled: set[str] = set()
        self.closed = threading.Event()
        self._stream = stream
        self._outbox = outbox
        self._grace_s = grace_s

    def start(self) -> None:
        """Begins to read."""
        threading.Thread(target=self._read, name="inbox", daemon=True).start()

    def _read(self) -> None:
        while line := self._stream.readline(MAX_LINE_BYTES):
            try:
                self._take(decode_request(line))
            except EngineError as error:
                self._outbox.send(Log(job="", level="error", text=f"{error.message} {error.detail}".strip()))
        self.closed.set()
        self.runs.put(None)
        # The stage gets time to save; a stage that hangs in a library must not outlive its parent.
        timer = threading.Timer(self._grace_s, os._exit, args=(1,))
        timer.daemon = True
        timer.start()

    def _take(self, request: Request) -> None:
        if isinstance(request, CancelRequest):
            self.cancelled.add(request.job)
        else:
            self.runs.put(request)
