"""A job as the window shows it."""

from __future__ import annotations

import base64
import logging
import uuid
from collections import deque
from typing import Final

from PySide6.QtCore import QObject, Signal

from engine.protocol.messages import ArtifactMade, Audio, Event, Log, Metric, Progress
from engine.protocol.stages.base import StageSpec
from gsv_desktop.core.project import Values
from gsv_desktop.core.state import WorkState
from gsv_desktop.jobs.outcome import Outcome

log = logging.getLogger(__name__)
LOG_LINES: Final = 5000


class Job(QObject):
    """A stage with its values, on its way through the queue.

    Signals:
        changed: state or progress are new.
        log_added: a line for the log.
        metric_received: step, and the figures that belong to it.
        audio_received: 16-bit samples, and their rate in Hz.
        artifact_made: kind and path of a finished file.
        ended: the outcome.
    """

    changed = Signal()
    log_added = Signal(str)
    metric_received = Signal(int, object)
    audio_received = Signal(bytes, int)
    artifact_made = Signal(str, str)
    ended = Signal(object)

    def __init__(self, spec: StageSpec, values: Values, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.id = uuid.uuid4().hex
        self.spec = spec
        self.values = dict(values)
        self.state = WorkState.QUEUED
        self.progress: Progress | None = None
        self.outcome: Outcome | None = None
        self.cancel_requested = False
        self.attempt = 1
        self.log_lines: deque[str] = deque(maxlen=LOG_LINES)

    @property
    def fraction(self) -> float | None:
        """Share that is done, 0 to 1; None while it is not known."""
        if self.progress is None or self.progress.total <= 0:
            return None
        return min(1.0, max(0.0, self.progress.done / self.progress.total))

    def move(self, state: WorkState) -> None:
        """Enters a state."""
        self.state = state
        self.changed.emit()

    def reset(self) -> None:
        """Goes back to the start of the queue's life for another try."""
        self.id = uuid.uuid4().hex
        self.attempt += 1
        self.progress = None
        self.outcome = None
        self.cancel_requested = False
        self.add_line(f"--- try {self.attempt} ---")
        self.move(WorkState.QUEUED)

    def finish(self, outcome: Outcome) -> None:
        """Takes its end."""
        self.outcome = outcome
        self.add_line(f"{outcome.state.value}: {outcome.message}")
        if outcome.hint:
            self.add_line(outcome.hint)
        self.move(outcome.state)
        self.ended.emit(outcome)

    def add_line(self, text: str) -> None:
        """Adds to its log."""
        self.log_lines.append(text)
        log.info("%s: %s", self.spec.name, text)
        self.log_added.emit(text)

    def take(self, event: Event) -> None:
        """Takes an event of the worker."""
        if isinstance(event, Progress):
            self.progress = event
            self.changed.emit()
        elif isinstance(event, Metric):
            self.metric_received.emit(event.step, dict(event.values))
        elif isinstance(event, Log):
            self.add_line(event.text if event.level == "info" else f"{event.level}: {event.text}")
        elif isinstance(event, ArtifactMade):
            self.artifact_made.emit(event.kind, event.path)
        elif isinstance(event, Audio):
            self.audio_received.emit(base64.b64decode(event.pcm), event.rate_hz)
