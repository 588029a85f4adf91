"""The voices that callers can ask for by name: those of the workspace, and the program's own."""

from __future__ import annotations

from typing import Any

from engine.protocol.builtin import starter_voice
from engine.protocol.errors import MissingModel
from engine.protocol.voices import Voice, find_voices
from engine.protocol.workspace import Workspace


def list_voices(workspace: Workspace) -> tuple[Voice, ...]:
    """Every voice; of several with one name, the first."""
    named = {voice.name: voice for voice in reversed(find_voices(workspace, [starter_voice()]))}
    return tuple(reversed(named.values()))


def pick_voice(name: str, workspace: Workspace) -> Voice:
    """The voice of a name. A path is no name here: callers choose among the user's voices only.

    Raises:
        MissingModel: there is none.
    """
    voices = list_voices(workspace)
    for voice in voices:
        if voice.name == name:
            return voice
    known = ", ".join(voice.name for voice in voices)
    raise MissingModel(f"There is no voice called {name!r}.", hint=f"Known voices: {known}.")


def voice_parameters(voice: Voice) -> dict[str, Any]:
    """What the stage `speak` must be told to use a voice."""
    if voice.card is not None:
        return {"voice": str(voice.card.parent)}
    return {"gpt": str(voice.gpt), "sovits": str(voice.sovits), "version": voice.version}


def describe_voice(voice: Voice) -> dict[str, Any]:
    """A voice for a caller that chooses; without any path."""
    return {
        "id": voice.name,
        "name": voice.name,
        "version": voice.version,
        "language": voice.language,
        "has_reference": voice.reference is not None,
    }
