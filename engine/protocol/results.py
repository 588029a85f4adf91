"""What a stage hands back when it is done."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import Field

from engine.protocol.model import StrictModel


class ArtifactRef(StrictModel):
    """A file or folder that the stage made."""

    kind: str = Field(description="what it is: clip, labels, features, weights, checkpoint, speech ...")
    path: str = Field(description="absolute path")


def artifacts(kind: str, paths: Iterable[Path]) -> tuple[ArtifactRef, ...]:
    """Files or folders of one kind that a stage made, in their order."""
    return tuple(ArtifactRef(kind=kind, path=str(path.resolve())) for path in paths)


class Skipped(StrictModel):
    """An item that was left out, and why."""

    name: str
    reason: str


class StageResult(StrictModel):
    """The outcome of a finished stage."""

    summary: str = Field(description="one sentence for the user")
    artifacts: tuple[ArtifactRef, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    numbers: dict[str, float] = Field(default_factory=dict, description="figures worth showing")
