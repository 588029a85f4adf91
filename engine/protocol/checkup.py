"""What the check of a label file found: `<name>.list.check.json` beside the labels."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import Field, ValidationError

from engine.protocol.label_list import replace_text
from engine.protocol.model import StrictModel


class Rule(StrEnum):
    """What a clip is held to."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    TOO_SHORT = "too short"
    TOO_LONG = "too long"
    SILENT = "silent"
    QUIET = "quiet"
    CLIPPED = "clipped"
    NOISY = "noisy"
    NO_WORDS = "no words"
    PACE = "pace"
    TEXT_DIFFERS = "text differs"
    OTHER_SPEAKER = "other speaker"
    SAME_NAME = "same name"


class Remedy(StrEnum):
    """The way out that is offered."""

    LEAVE_OUT = "leave out"
    FIND = "find the moved file"
    SPLIT = "split"
    JOIN = "join with a neighbour"
    DENOISE = "denoise"
    RECORD = "export it again"
    CORRECT = "correct the text"
    RENAME = "rename the file"


class Finding(StrictModel):
    """One clip that breaks one rule."""

    clip: str = Field(description="path as the label file writes it")
    line: int = Field(description="line of the label file")
    rule: Rule
    measured: str = Field(description="the value, with its unit")
    limit: str = Field(description="what it is held to, with its unit")
    drops: bool = Field(description="whether training would leave the clip out")
    remedy: Remedy


class Checkup(StrictModel):
    """All that was found."""

    version: str = Field(description="model version whose training is meant")
    clips: int = Field(description="usable lines of the label file")
    kept_s: float = Field(description="sound that training will use, in seconds")
    dropped_s: float = Field(description="sound that it will leave out")
    findings: tuple[Finding, ...] = ()
    not_checked: tuple[str, ...] = Field(default=(), description="rules that could not be looked at, and why")


def checkup_beside(labels: Path) -> Path:
    """Where the findings of a label file are."""
    return labels.with_name(f"{labels.name}.check.json")


def read_checkup(path: Path) -> Checkup | None:
    """What was found the last time; None when the file is missing or cannot be read."""
    if not path.is_file():
        return None
    try:
        return Checkup.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError):
        return None  # it is made again


def write_checkup(path: Path, found: Checkup) -> None:
    """Writes the file whole.

    Raises:
        OutOfSpace: the file cannot be written.
    """
    replace_text(path, found.model_dump_json(indent=1) + "\n")
