"""The context that a stage gets in a worker process."""

from __future__ import annotations

import base64
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from engine.protocol.errors import Cancelled
from engine.protocol.messages import ArtifactMade, Audio, Log, Metric, Progress
from engine.worker.channel import Inbox, Outbox

T = TypeVar("T")
PROGRESS_INTERVAL_S: Final = 0.05
LIFE_INTERVAL_S: Final = 1.0
KEPT_OBJECTS: Final = 4


class Keeper:
    """Objects that live as long as the process, such as loaded models; the least used one goes first."""

    def __init__(self, limit: int = KEPT_OBJECTS) -> None:
        self._objects: OrderedDict[str, object] = OrderedDict()
        self._limit = limit

    def get(self, key: str, make: Callable[[], T]) -> T:
        """The object under `key`, made when it is not there."""
        if key in self._objects:
            self._objects.move_to_end(key)
        else:
            while len(self._objects) >= self._limit:
                self._objects.popitem(last=False)
            self._objects[key] = make()
        return self._objects[key]  # type: ignore[return-value]


class WorkerContext:
    """Sends what a stage reports, and tells it when to stop."""

    def __init__(self, job: str, outbox: Outbox, inbox: Inbox, keeper: Keeper) -> None:
        self._job = job
        self._outbox = outbox
        self._inbox = inbox
        self._keeper = keeper
        self._started_s = time.monotonic()
        self._first_done: float | None = None
        self._sent_s = -PROGRESS_INTERVAL_S
        self._last: tuple[float, float, str] | None = None
        self._last_s = 0.0
        self._telling = threading.Lock()
        self._audio_index = 0

    def progress(self, done: float, total: float, unit: str) -> None:
        """Sends progress with the time left, at most twenty times a second; the last one always."""
        with self._telling:
            now_s = time.monotonic()
            if self._first_done is None:
                self._first_done, self._started_s = done, now_s
            self._last, self._last_s = (done, total, unit), now_s
            if done >= total or now_s - self._sent_s >= PROGRESS_INTERVAL_S:
                self._tell(now_s)

    @contextmanager
    def signs_of_life(self) -> Generator[None, None, None]:
        """Repeats the last progress each second while the stage in the block is silent."""
        ended = threading.Event()
        thread = threading.Thread(target=self._repeat, args=(ended,), name="signs of life", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _repeat(self, ended: threading.Event) -> None:
        while not ended.wait(LIFE_INTERVAL_S / 4):
            with self._telling:
                now_s = time.monotonic()
                if self._last is not None and now_s - self._sent_s >= LIFE_INTERVAL_S:
                    self._tell(now_s)

    def _tell(self, now_s: float) -> None:
        if self._last is None or self._first_done is None:
            return
        self._sent_s = now_s
        done, total, unit = self._last
        made = done - self._first_done
        eta_s = (now_s - self._started_s) / made * (total - done) if made > 0 else None
        silent_s = now_s - self._last_s
        progress = Progress(job=self._job, done=done, total=total, unit=unit, eta_s=eta_s, silent_s=silent_s)
        self._outbox.send(progress)

    def metric(self, values: Mapping[str, float], step: int) -> None:
        """Sends named figures."""
        self._outbox.send(Metric(job=self._job, step=step, values=dict(values)))

    def log(self, text: str, level: str = "info") -> None:
        """Sends a line for the user."""
        self._outbox.send(Log(job=self._job, level=level, text=text))

    def artifact(self, path: Path, kind: str) -> None:
        """Sends where a finished file or folder is."""
        self._outbox.send(ArtifactMade(job=self._job, kind=kind, path=str(path.resolve())))

    def audio(self, pcm: bytes, rate_hz: int) -> None:
        """Sends samples as they are made."""
        text = base64.b64encode(pcm).decode("ascii")
        self._outbox.send(Audio(job=self._job, index=self._audio_index, rate_hz=rate_hz, pcm=text))
        self._audio_index += 1

    def check_cancelled(self) -> None:
        """Raises Cancelled after a cancel message, or when the parent is gone."""
        if self._job in self._inbox.cancelled or self._inbox.closed.is_set():
            raise Cancelled

    def keep(self, key: str, make: Callable[[], T]) -> T:
        """An object that outlives the job."""
        return self._keeper.get(key, make)
