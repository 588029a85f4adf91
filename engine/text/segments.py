"""Which language each part of a text is in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text in one language."""

    language: str
    text: str


def runs(text: str, mode: str) -> tuple[Run, ...]:
    """The runs of a text as `mode` has it read."""
    if mode == "en":
        return (Run("en", text),)
    language = mode.removeprefix("all_").removeprefix("auto_").replace("auto", "zh")
    return (Run(language, text),)
