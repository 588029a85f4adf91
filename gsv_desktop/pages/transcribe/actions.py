"""What the transcription page does."""

from __future__ import annotations

from pathlib import Path

from pydantic import JsonValue

from engine.protocol.errors import EngineError
from engine.protocol.label_list import LabelRow, read_labels
from engine.protocol.recognisers import asr_languages, asr_precisions, asr_sizes
from engine.protocol.sources import list_name, paths_in


def choices_of(engine: str) -> dict[str, tuple[str, ...]]:
    """What there is to choose from with an engine, by field; the first of each is its default."""
    return {
        "model": asr_sizes(engine),
        "language": asr_languages(engine),
        "precision": asr_precisions(engine),
    }


def carried_over(value: str, before: tuple[str, ...], now: tuple[str, ...]) -> str:
    """What stands in a field after another engine was chosen: the value, unless only the old one has it."""
    return now[0] if value not in now and value in before else value


def expected_list(values: dict[str, JsonValue]) -> Path | None:
    """The label file that a run with these values makes."""
    clips, output = paths_in(values.get("input")), str(values.get("output") or "")
    if not clips or not output:
        return None
    return Path(output) / list_name(clips)


def rows_of(path: Path | None) -> tuple[LabelRow, ...]:
    """The rows of a label file; none when it is not there or cannot be read."""
    if path is None or not path.is_file():
        return ()
    try:
        return read_labels(path).rows
    except EngineError:
        return ()
