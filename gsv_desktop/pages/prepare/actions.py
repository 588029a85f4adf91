"""What the preparation page does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.protocol.workspace import Experiment


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """How much of an experiment is there.

    Attributes:
        phones: Clips with phones.
        copies: Clips copied at 32 kHz.
        features: Clips with content features.
        tokens: Clips with semantic tokens.
    """

    phones: int
    copies: int
    features: int
    tokens: int


def look_at(experiment: Experiment) -> Prepared:
    """Counts what is prepared."""
    return Prepared(
        phones=_lines(experiment.text_file),
        copies=_files(experiment.wav_folder),
        features=_files(experiment.ssl_folder),
        tokens=max(0, _lines(experiment.semantic_file) - 1),
    )


def _lines(path: Path) -> int:
    if not path.is_file():
        return 0
    with path.open("rb") as stream:
        return sum(1 for line in stream if line.strip())


def _files(folder: Path) -> int:
    if not folder.is_dir():
        return 0
    return sum(1 for path in folder.iterdir() if path.is_file() and path.suffix != ".part")
