"""The states that a job, and the stage it works for, can be in."""

from __future__ import annotations

from enum import StrEnum


class WorkState(StrEnum):
    """Where a piece of work stands."""

    NOT_STARTED = "not started"
    QUEUED = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "stopped"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self in (WorkState.DONE, WorkState.FAILED, WorkState.CANCELLED)

    @property
    def active(self) -> bool:
        """Whether it waits for its turn or has it."""
        return self in (WorkState.QUEUED, WorkState.RUNNING)
