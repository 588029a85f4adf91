"""What the speaking page does."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from engine.protocol.builtin import starter_voice
from engine.protocol.errors import OutOfSpace
from engine.protocol.voices import Voice, find_voices
from engine.protocol.workspace import Workspace

SHORTEST_S: Final = 3.0
LONGEST_S: Final = 10.0
WEIGHT_FIELDS: Final = frozenset({"gpt", "sovits"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """Something that was said.

    Attributes:
        number: Its number in this session.
        text: What was to be said.
        voice: Name of the voice.
        path: The sound file.
    """

    number: int
    text: str
    voice: str
    path: Path


def voices_of(workspace: Workspace) -> tuple[Voice, ...]:
    """Every voice that can speak."""
    return find_voices(workspace, (starter_voice(),))


def voice_values(voice: Voice | None) -> dict[str, JsonValue]:
    """The parameters that choose a voice; None leaves the weight files to the form."""
    if voice is None:
        return {"voice": None}
    if voice.card is not None:
        return {"voice": str(voice.card.parent), "gpt": None, "sovits": None}
    return {"voice": None, "gpt": str(voice.gpt), "sovits": str(voice.sovits)}


def same_voice(voices: Sequence[Voice], name: str) -> int:
    """Where the voice of this name is; -1 for none."""
    return next((place for place, voice in enumerate(voices) if voice.name == name), -1)


def take_path(workspace: Workspace, now: datetime) -> Path:
    """A new file for a take."""
    return workspace.root / "output" / "takes" / f"{now:%Y%m%d-%H%M%S-%f}.wav"


def save_take(take: Path, target: Path) -> None:
    """Copies a take to where the user wants it.

    Raises:
        OutOfSpace: it cannot be written.
    """
    try:
        shutil.copyfile(take, target)
    except OSError as error:
        raise OutOfSpace(
            f"{target} cannot be written.", hint="Choose another place.", detail=str(error)
        ) from error
