"""How the weights of a file like to speak, where they say so.

Official files say nothing of it. Small networks speak clearly only with less chance than is usual; since
their files say it, what is fine-tuned from them speaks so too, without a voice card.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from engine.checkpoints.reader import read_checkpoint
from engine.protocol.errors import BadCheckpoint
from engine.protocol.voices import Manner

_KEY: Final = "manner"


def read_manner(path: Path) -> Manner:
    """What the configuration of a weight file says; reads no weights.

    Raises:
        MissingModel: there is no such file.
        BadCheckpoint: the file is damaged, or what it says makes no sense.
    """
    told = read_checkpoint(path, shapes_only=True).config.get(_KEY, {})
    try:
        return Manner.model_validate(told)
    except ValidationError as error:
        raise BadCheckpoint(
            f"What {path} says of its manner of speaking makes no sense.",
            hint="Get the weights again from where they came from.",
            detail=str(error),
        ) from error


def manner_entry(manner: Manner) -> dict[str, Any]:
    """What is added to a file's configuration; nothing where there is nothing to say."""
    told = manner.model_dump(exclude_none=True)
    return {_KEY: told} if told else {}


def merged(*manners: Manner) -> Manner:
    """What several say; the later ones win."""
    told: dict[str, Any] = {}
    for manner in manners:
        told |= manner.model_dump(exclude_none=True)
    return Manner(**told)
