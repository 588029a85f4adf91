"""How a job ended, in words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.protocol.errors import WorkerDied
from engine.protocol.messages import Done, End, Failed, JobCancelled
from engine.protocol.results import StageResult
from gsv_desktop.core.state import WorkState


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The end of a job.

    Attributes:
        state: done, failed or stopped.
        message: One sentence for the user.
        hint: What to do; may be empty.
        detail: For the log and the clipboard; may be empty.
        code: Stable name of the failure; empty otherwise.
        result: What the stage handed back, when it is done.
    """

    state: WorkState
    message: str
    hint: str = ""
    detail: str = ""
    code: str = ""
    result: StageResult | None = None

    @property
    def successful(self) -> bool:
        """Whether the stage is done."""
        return self.state is WorkState.DONE


def outcome_of(end: End) -> Outcome:
    """The outcome of an end event; a `result` whose files are not there is a failure."""
    if isinstance(end, JobCancelled):
        return Outcome(
            state=WorkState.CANCELLED,
            message="Stopped. What was done is kept.",
            hint="Start again to go on from there.",
        )
    if isinstance(end, Failed):
        return Outcome(
            state=WorkState.FAILED, message=end.message, hint=end.hint, detail=end.detail, code=end.code
        )
    return _checked(end)


def _checked(end: Done) -> Outcome:
    missing = [part.path for part in end.result.artifacts if not Path(part.path).exists()]
    if missing:
        return Outcome(
            state=WorkState.FAILED,
            message=f"The stage reported its end, but {missing[0]} is not there.",
            hint="Check that nothing else cleans up that folder, then start again.",
            detail="\n".join(missing),
            code="missing_artifact",
        )
    return Outcome(state=WorkState.DONE, message=end.result.summary, result=end.result)


def death(job: str, *, crashed: bool, exit_code: int, last_words: str) -> Failed:
    """The end of a job whose worker ended without one.

    Args:
        job: Id of the job.
        crashed: Whether the process was ended by a signal or by the system.
        exit_code: Exit status, or the signal's number where there are signals.
        last_words: End of the worker's log.
    """
    if crashed:
        message = f"The worker process was ended from outside (signal {exit_code})."
        hint = (
            "Perhaps the memory ran out, or another program stopped it. "
            "Start the job again: it goes on where it was."
        )
    else:
        message = f"The worker process ended before the job did (exit code {exit_code})."
        hint = "The log holds its last words. Start the job again: it goes on where it was."
    return Failed(job=job, code=WorkerDied.code, message=message, hint=hint, detail=last_words)


def not_started(job: str, program: str, reason: str) -> Failed:
    """The end of a job whose worker could not be started."""
    return Failed(
        job=job,
        code=WorkerDied.code,
        message=f"The worker process could not be started: {program}.",
        hint="Install the program again; a virus scanner may have removed a part of it.",
        detail=reason,
    )
