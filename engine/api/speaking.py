"""Processes that speak for callers: a few, each with its voice warm, each with one text at a time."""

from __future__ import annotations

import asyncio
import base64
import logging
import threading
from collections.abc import AsyncIterator, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from engine.api.jobs import LOG_FILE, as_error
from engine.protocol.errors import EngineError, WorkerDied
from engine.protocol.messages import Audio, Done, End, Event, Failed, JobCancelled, Log
from engine.protocol.stages.speech import SPEAK
from engine.worker.client import Worker

log = logging.getLogger(__name__)

CANCEL_GRACE_S: Final = 20.0
"""A text that was given up may still be at work for so long before its process is ended."""
_OVERTAKEN_AT_MOST: Final = 4
_VOICE_PARAMETERS: Final = (
    "voice", "gpt", "sovits", "version", "content_encoder", "device", "precision", "workspace",
)  # fmt: skip


class TooBusy(EngineError):
    """More texts wait than the server was told to keep."""

    code = "too_busy"


@dataclass(frozen=True, slots=True)
class Sound:
    """A part of speech: mono 16-bit little-endian samples."""

    pcm: bytes
    rate_hz: int


@dataclass(slots=True, eq=False)
class _Slot:
    """A place for one process, and the voice that is warm in it."""

    worker: Worker | None = None
    key: Hashable = None


@dataclass(slots=True, eq=False)
class _Ticket:
    """A text that waits for a process."""

    key: Hashable
    slot: asyncio.Future[_Slot]
    overtaken: int = 0


@dataclass(slots=True, eq=False)
class _Run:
    """One text in one process. What the process' thread and the server's share stands under the lock."""

    parameters: Mapping[str, Any]
    loop: asyncio.AbstractEventLoop
    arrived: asyncio.Queue[Sound | Done | EngineError] = field(default_factory=asyncio.Queue)
    lock: threading.Lock = field(default_factory=threading.Lock)
    worker: Worker | None = None
    job: str = ""
    cancelled: bool = False
    ended: bool = False

    def put(self, item: Sound | Done | EngineError) -> None:
        """Hands something over, from the process' thread."""
        with suppress(RuntimeError):  # the server is gone
            self.loop.call_soon_threadsafe(self.arrived.put_nowait, item)

    def begin(self, worker: Worker) -> str:
        """Sends the text to a process."""
        with self.lock:
            if self.cancelled:
                raise _GivenUp("The caller is gone.")
            self.worker = worker
            self.job = worker.start(SPEAK.name, self.parameters)
            return self.job

    def end(self) -> None:
        """Lets go of the process: a late cancel must not meet another text in it."""
        with self.lock:
            self.worker = None
            self.ended = True

    def cancel(self) -> None:
        """Asks the process to stop."""
        with self.lock:
            self.cancelled = True
            if self.worker is None:
                return
            try:
                self.worker.cancel(self.job)
            except EngineError as error:
                log.info("the worker was gone before it could be cancelled: %s", error.message)

    def kill(self) -> None:
        """Ends the process when the text is still in it."""
        with self.lock:
            if self.worker is not None:
                log.warning("a worker did not stop in time and is ended")
                self.worker.kill()


class _GivenUp(EngineError):
    """The caller went away."""

    code = "given_up"


class Speech:
    """Speech that is being made. Close it when it is not wanted to its end.

    Attributes:
        rate_hz: Rate of its samples.
    """

    def __init__(self, run: _Run, first: Sound) -> None:
        self.rate_hz = first.rate_hz
        self._run = run
        self._first: Sound | None = first

    async def parts(self) -> AsyncIterator[bytes]:
        """Samples, as they are made.

        Raises:
            EngineError: it broke off.
        """
        if self._first is not None:
            first, self._first = self._first, None
            yield first.pcm
        while not isinstance(item := await self._run.arrived.get(), Done):
            if isinstance(item, EngineError):
                raise item
            yield item.pcm

    def close(self) -> None:
        """Stops the process if it is still speaking."""
        _stop(self._run)


class Speakers:
    """Says texts, each with its own voice, in a bounded number of processes.

    A text goes to a process that has its voice warm where one is free. Texts that wait are taken in
    turn, but for a few that may overtake because a process has their voice warm.
    """

    def __init__(
        self, workspace: Path, count: int, waiting: int, command: Sequence[str] | None = None
    ) -> None:
        """Starts no process yet.

        Args:
            workspace: The workspace's folder; what the processes print goes to its logs.
            count: Processes at a time.
            waiting: Texts that may wait.
            command: Program and arguments of a process; None for the program's own.
        """
        self._workspace = workspace
        self._command = command
        self._most_waiting = waiting
        self._free = [_Slot() for _ in range(count)]
        self._slots = tuple(self._free)
        self._waiting: list[_Ticket] = []
        self._threads = ThreadPoolExecutor(count, "speaker")
        self._runs: dict[asyncio.Task[None], _Run] = {}
        self._log: IO[bytes] | None = None
        self._log_lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def busy(self) -> int:
        """Processes at work."""
        return len(self._slots) - len(self._free)

    async def say(self, parameters: Mapping[str, Any]) -> Speech:
        """Has a text said, and comes back with the first sound of it.

        Args:
            parameters: Those of the stage `speak`, as JSON values.

        Raises:
            EngineError: it cannot be said; message and hint say why.
            TooBusy: too many texts wait.
        """
        SPEAK.parse(parameters)
        self._loop = asyncio.get_running_loop()
        key = tuple(str(parameters.get(name)) for name in _VOICE_PARAMETERS)
        slot = await self._take(key)
        run = _Run(parameters, asyncio.get_running_loop())
        slot.key = key
        task = asyncio.create_task(self._drive(slot, run))
        self._runs[task] = run
        task.add_done_callback(self._runs.pop)
        try:
            first = await run.arrived.get()
        except asyncio.CancelledError:
            _stop(run)
            raise
        if isinstance(first, EngineError):
            raise first
        if isinstance(first, Done):
            raise EngineError("No sound was made of the text.", hint="Try another text or voice.")
        return Speech(run, first)

    def rest(self) -> None:
        """Ends the processes that are not at work, from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._end_idle)

    async def close(self) -> None:
        """Stops what is being said, and ends every process."""
        for ticket in self._waiting:
            ticket.slot.cancel()
        self._waiting.clear()
        for run in self._runs.values():
            _stop(run)
        await asyncio.gather(*self._runs, return_exceptions=True)
        loop = asyncio.get_running_loop()
        workers = [slot.worker for slot in self._slots if slot.worker is not None]
        await asyncio.gather(*(loop.run_in_executor(None, worker.close) for worker in workers))
        self._threads.shutdown()
        if self._log is not None:
            self._log.close()

    def _end_idle(self) -> None:
        for slot in self._free:
            worker, slot.worker, slot.key = slot.worker, None, None
            if worker is not None:
                asyncio.get_running_loop().run_in_executor(None, worker.close)

    async def _take(self, key: Hashable) -> _Slot:
        """A free process, at once or when it is this text's turn."""
        if self._free:
            slot = next((one for one in self._free if one.key == key), None)
            slot = slot or next((one for one in self._free if one.worker is None), self._free[0])
            self._free.remove(slot)
            return slot
        if len(self._waiting) >= self._most_waiting:
            raise TooBusy(
                f"{len(self._waiting)} texts wait to be said already.", hint="Try again in a while."
            )
        ticket = _Ticket(key, asyncio.get_running_loop().create_future())
        self._waiting.append(ticket)
        try:
            return await ticket.slot
        except asyncio.CancelledError:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
            elif not ticket.slot.cancelled():
                self._give(ticket.slot.result())
            raise

    def _give(self, slot: _Slot) -> None:
        """Hands a free process to who waits for it."""
        if not self._waiting:
            self._free.append(slot)
            return
        chosen = self._waiting[0]
        if chosen.key != slot.key and chosen.overtaken < _OVERTAKEN_AT_MOST:
            chosen = next((one for one in self._waiting if one.key == slot.key), chosen)
        for ticket in self._waiting[: self._waiting.index(chosen)]:
            ticket.overtaken += 1
        self._waiting.remove(chosen)
        chosen.slot.set_result(slot)

    async def _drive(self, slot: _Slot, run: _Run) -> None:
        try:
            await run.loop.run_in_executor(self._threads, self._follow, slot, run)
        finally:
            self._give(slot)

    def _follow(self, slot: _Slot, run: _Run) -> None:
        """Runs a text to its end, on a thread of its own; every way that it can go hands over an end."""
        try:
            worker = slot.worker = slot.worker or Worker(self._command, stderr=self._open_log())
            job = run.begin(worker)
            for event in worker.events(job):
                if item := _of_interest(event):
                    run.put(item)
        except _GivenUp as error:
            run.put(error)
        except EngineError as error:
            log.warning("a speaking worker is gone: %s", error.message)
            broken, slot.worker, slot.key = slot.worker, None, None
            if broken is not None:
                broken.close()
            run.put(WorkerDied("The process that speaks died.", hint="Try again.", detail=error.message))
        except Exception as error:
            log.exception("speaking broke")
            run.put(EngineError(f"Speaking could not be followed: {error}", hint="See the server's log."))
        finally:
            run.end()

    def _open_log(self) -> IO[bytes]:
        with self._log_lock:  # two processes may be started at once, each on its thread
            if self._log is None:
                path = self._workspace / "logs" / LOG_FILE
                path.parent.mkdir(parents=True, exist_ok=True)
                self._log = path.open("ab")
            return self._log


def _of_interest(event: Event | End) -> Sound | Done | EngineError | None:
    if isinstance(event, Audio):
        return Sound(base64.b64decode(event.pcm), event.rate_hz)
    if isinstance(event, Done):
        return event
    if isinstance(event, Failed):
        return as_error(event)
    if isinstance(event, JobCancelled):
        return _GivenUp("Speaking was cancelled.")
    if isinstance(event, Log):
        log.info("speaking: %s", event.text)
    return None


def _stop(run: _Run) -> None:
    """Asks for the end of a text, and ends its process when that is of no use."""
    if not run.ended:
        run.cancel()
        run.loop.call_later(CANCEL_GRACE_S, run.kill)
