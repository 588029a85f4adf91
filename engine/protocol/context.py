"""What a stage may tell its surroundings while it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

from engine.protocol.errors import Cancelled

T = TypeVar("T")


class Context(Protocol):
    """A running job as its stage sees it. All methods may be called from the stage's thread only."""

    def progress(self, done: float, total: float, unit: str) -> None:
        """Reports `done` of `total`, counted in `unit` (clips, s, steps ...)."""

    def metric(self, values: Mapping[str, float], step: int) -> None:
        """Reports named figures that belong to `step`."""

    def log(self, text: str, level: str = "info") -> None:
        """Reports a line for the user; level is info, warning or error."""

    def artifact(self, path: Path, kind: str) -> None:
        """Reports a file or folder that is complete on disk."""

    def audio(self, pcm: bytes, rate_hz: int) -> None:
        """Hands out mono signed 16-bit little-endian samples as they are made."""

    def check_cancelled(self) -> None:
        """Raises Cancelled once the user has asked to stop."""

    def keep(self, key: str, make: Callable[[], T]) -> T:
        """The object made under `key` earlier in this process, or a new one from `make`."""


class RecordingContext:
    """A context that remembers what it was told: for scripts and tests."""

    def __init__(self) -> None:
        self.progressed: list[tuple[float, float, str]] = []
        self.metrics: list[tuple[int, dict[str, float]]] = []
        self.lines: list[tuple[str, str]] = []
        self.artifacts: list[tuple[str, Path]] = []
        self.pcm: list[bytes] = []
        self.rate_hz = 0
        self.cancel_requested = False
        self._kept: dict[str, object] = {}

    def cancel(self) -> None:
        """Lets the next check_cancelled raise."""
        self.cancel_requested = True

    def progress(self, done: float, total: float, unit: str) -> None:
        """Remembers the progress."""
        self.progressed.append((done, total, unit))

    def metric(self, values: Mapping[str, float], step: int) -> None:
        """Remembers the figures."""
        self.metrics.append((step, dict(values)))

    def log(self, text: str, level: str = "info") -> None:
        """Remembers the line."""
        self.lines.append((level, text))

    def artifact(self, path: Path, kind: str) -> None:
        """Remembers the artefact."""
        self.artifacts.append((kind, path))

    def audio(self, pcm: bytes, rate_hz: int) -> None:
        """Remembers the samples."""
        self.pcm.append(pcm)
        self.rate_hz = rate_hz

    def check_cancelled(self) -> None:
        """Raises Cancelled after `cancel`."""
        if self.cancel_requested:
            raise Cancelled

    def keep(self, key: str, make: Callable[[], T]) -> T:
        """Makes the object once for each key."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]  # type: ignore[return-value]
