"""How long a training will take and how much memory, told from its first steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final

from engine.protocol.context import Context
from engine.train.memory import GIB, PeakMemory, free_bytes, used_bytes
from engine.train.plan import Batch

MEASURED_STEPS: Final = 3
_MINUTE_S: Final = 60
_HOUR_S: Final = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a training will take.

    Attributes:
        steps: Steps that are left.
        seconds: Time that they will take.
        memory_bytes: The most memory that was in use: of the GPU, or of this process.
        free_bytes: Memory that was left beside it.
    """

    steps: int
    seconds: float
    memory_bytes: int
    free_bytes: int

    def text(self) -> str:
        """One line for people."""
        return (
            f"About {duration(self.seconds)} for {self.steps} steps, "
            f"with {self.memory_bytes / GIB:.1f} GB of memory."
        )

    def numbers(self) -> dict[str, float]:
        """The same as figures."""
        return {
            "forecast_steps": float(self.steps),
            "forecast_s": self.seconds,
            "forecast_memory_gb": self.memory_bytes / GIB,
            "forecast_free_gb": self.free_bytes / GIB,
        }


class Measure:
    """Watches steps as they are done, and tells once what the rest will take."""

    def __init__(
        self,
        done_steps: int,
        total_steps: int,
        context: Context,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Takes where the training stands, and a clock in seconds."""
        self.total_steps = total_steps
        self._clock = clock
        self._done_steps = done_steps
        self._context = context
        self._seconds: list[float] = []
        self._peak = PeakMemory()
        self._watching = False
        self._before_s = 0.0
        self._told = False

    def __enter__(self) -> Measure:
        self._peak.__enter__()
        self._watching = True
        self._before_s = self._clock()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_watching()

    def add(self, step: Sequence[Batch], done_steps: int) -> dict[str, float]:
        """Figures of a step that is done, for the curves; after some steps, the forecast among them.

        Args:
            step: what was learnt from.
            done_steps: steps of the training that are done now.
        """
        now_s = self._clock()
        self._done_steps = done_steps
        self._seconds.append(now_s - self._before_s)
        clips_per_second = sum(len(batch) for batch in step) / max(self._seconds[-1], 1e-9)
        self._before_s = now_s
        memory_bytes = self._peak.look() if self._watching else used_bytes()
        figures = {
            "eta_s": self._pace_s() * max(self.total_steps - done_steps, 0),
            "clips_per_second": clips_per_second,
            "memory_gb": memory_bytes / GIB,
        }
        if len(self._seconds) == MEASURED_STEPS and not self._told:
            self._told = True
            self._stop_watching()
            figures |= self._tell()
        return figures

    def forecast(self) -> Forecast:
        """What the steps that are left will take."""
        left = max(self.total_steps - self._done_steps, 0)
        return Forecast(
            steps=left,
            seconds=self._pace_s() * left,
            memory_bytes=self._peak.peak_bytes,
            free_bytes=free_bytes(),
        )

    def _tell(self) -> dict[str, float]:
        forecast = self.forecast()
        if forecast.steps:
            self._context.log(forecast.text())
        return forecast.numbers()

    def _pace_s(self) -> float:
        """Seconds of a step; the first one warms up and counts only while it is alone."""
        counted = self._seconds[1:] or self._seconds
        return sum(counted) / max(len(counted), 1)

    def _stop_watching(self) -> None:
        if self._watching:
            self._watching = False
            self._peak.__exit__(None, None, None)


def duration(seconds: float) -> str:
    """A length of time for people, such as `12 min`."""
    if seconds < 2 * _MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < 2 * _HOUR_S:
        return f"{seconds / _MINUTE_S:.0f} min"
    return f"{seconds / _HOUR_S:.1f} h"
