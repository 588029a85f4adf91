"""Messages between a worker and whoever drives it. The written spec is README.md beside this file."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field, TypeAdapter

from engine.protocol.model import StrictModel
from engine.protocol.results import StageResult

PROTOCOL: Final = 1


class RunRequest(StrictModel):
    """Asks for a stage to be run."""

    type: Literal["run"] = "run"
    job: str
    stage: str
    parameters: dict[str, Any]


class CancelRequest(StrictModel):
    """Asks for a job to be stopped; the job still ends with its one end event."""

    type: Literal["cancel"] = "cancel"
    job: str


class Hello(StrictModel):
    """The worker's first line."""

    type: Literal["hello"] = "hello"
    protocol: int = PROTOCOL
    pid: int


class Progress(StrictModel):
    """How far a job is.

    Attributes:
        done: what is done of `total`, in `unit`.
        eta_s: seconds that it will still take; None while unknown.
        silent_s: above 0, the stage has said nothing for so many seconds, and the worker repeats its last
            words as a sign of life: it loads a library, or does one long thing.
    """

    type: Literal["progress"] = "progress"
    job: str
    done: float
    total: float
    unit: str
    eta_s: float | None = None
    silent_s: float = 0.0


class Metric(StrictModel):
    """Named figures of a step."""

    type: Literal["metric"] = "metric"
    job: str
    step: int
    values: dict[str, float]


class Log(StrictModel):
    """A line for the user; `job` is empty when it belongs to none."""

    type: Literal["log"] = "log"
    job: str
    level: str
    text: str


class ArtifactMade(StrictModel):
    """A file or folder that is complete on disk."""

    type: Literal["artifact"] = "artifact"
    job: str
    kind: str
    path: str


class Audio(StrictModel):
    """Sound as it is made: base64 of mono signed 16-bit little-endian samples."""

    type: Literal["audio"] = "audio"
    job: str
    index: int
    rate_hz: int
    pcm: str


class Done(StrictModel):
    """End: the stage finished."""

    type: Literal["result"] = "result"
    job: str
    result: StageResult


class Failed(StrictModel):
    """End: the stage failed."""

    type: Literal["failed"] = "failed"
    job: str
    code: str
    message: str
    hint: str = ""
    detail: str = ""


class JobCancelled(StrictModel):
    """End: the stage stopped because it was asked to."""

    type: Literal["cancelled"] = "cancelled"
    job: str


End = Done | Failed | JobCancelled
Event = Hello | Progress | Metric | Log | ArtifactMade | Audio | End
Request = RunRequest | CancelRequest

REQUESTS: Final[TypeAdapter[Request]] = TypeAdapter(Annotated[Request, Field(discriminator="type")])
EVENTS: Final[TypeAdapter[Event]] = TypeAdapter(Annotated[Event, Field(discriminator="type")])
