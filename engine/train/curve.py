"""Keeps the figures of a training on disk, so that its curves outlive the window."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from engine.protocol.context import Context
from engine.protocol.curves import CurveFile, curve_path

T = TypeVar("T")


class CurveContext:
    """A context that also writes every metric to a file beside the folder of the states.

    A file that cannot be written costs the curve and not the training: that is said once.
    """

    def __init__(self, context: Context, states: Path) -> None:
        self._context = context
        self._path = curve_path(states)
        self._file: CurveFile | None = CurveFile(self._path)

    def metric(self, values: Mapping[str, float], step: int) -> None:
        """Hands the figures on, and keeps them."""
        self._context.metric(values, step)
        if self._file is None:
            return
        try:
            self._file.add(step, values)
        except OSError as error:
            self._file = None
            self._context.log(
                f"The curves are not kept: {self._path} cannot be written ({error}).", "warning"
            )

    def progress(self, done: float, total: float, unit: str) -> None:
        """Hands it on."""
        self._context.progress(done, total, unit)

    def log(self, text: str, level: str = "info") -> None:
        """Hands it on."""
        self._context.log(text, level)

    def artifact(self, path: Path, kind: str) -> None:
        """Hands it on."""
        self._context.artifact(path, kind)

    def audio(self, pcm: bytes, rate_hz: int) -> None:
        """Hands it on."""
        self._context.audio(pcm, rate_hz)

    def check_cancelled(self) -> None:
        """Hands it on."""
        self._context.check_cancelled()

    def keep(self, key: str, make: Callable[[], T]) -> T:
        """Hands it on."""
        return self._context.keep(key, make)
