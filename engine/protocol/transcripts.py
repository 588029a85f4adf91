"""What speech recognition said of every clip, and how sure it was: `<name>.list.json` beside the labels."""

from __future__ import annotations

import math
from pathlib import Path

from pydantic import Field, ValidationError

from engine.protocol.label_list import replace_text
from engine.protocol.model import StrictModel


class Word(StrictModel):
    """A word and when it was said."""

    text: str = Field(description="as heard, with the mark behind it")
    start_s: float = Field(description="seconds from the start of the clip")
    stop_s: float
    probability: float = Field(description="0-1")


class Transcript(StrictModel):
    """What was heard in one clip."""

    fingerprint: str = Field(description="changes with the clip, the model and the settings")
    language: str = Field(description="lower-case code, as heard or as given")
    text: str = Field(description="empty when nothing was said")
    seconds: float = Field(description="length of the clip")
    avg_logprob: float = Field(description="mean log probability of the words; nearer to 0 is surer")
    no_speech: float = Field(description="probability that nobody speaks, 0-1")
    words: tuple[Word, ...] = Field(default=(), description="empty when the model gave no times")

    @property
    def confidence(self) -> float:
        """How sure the model was, 0-1: the mean probability of a token."""
        return math.exp(min(self.avg_logprob, 0.0)) if self.text else 0.0


def transcripts_beside(labels: Path) -> Path:
    """Where the transcripts of a label file are."""
    return labels.with_name(f"{labels.name}.json")


class Transcripts(StrictModel):
    """All clips of a folder, by file name."""

    clips: dict[str, Transcript] = Field(default_factory=dict)


def read_transcripts(path: Path) -> dict[str, Transcript]:
    """The transcripts in a file; none when it is missing or cannot be read."""
    if not path.is_file():
        return {}
    try:
        return dict(Transcripts.model_validate_json(path.read_text(encoding="utf-8")).clips)
    except (OSError, UnicodeDecodeError, ValidationError):
        return {}  # they are made again


def write_transcripts(path: Path, clips: dict[str, Transcript]) -> None:
    """Writes the file whole.

    Raises:
        OutOfSpace: the file cannot be written.
    """
    replace_text(path, Transcripts(clips=clips).model_dump_json(indent=1) + "\n")
