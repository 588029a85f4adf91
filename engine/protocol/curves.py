"""The figures of a training over its whole life, kept as lines of JSON beside its states."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_DENSE_LINES: Final = 2000
Points = list[tuple[float, float]]


def curve_path(states: Path) -> Path:
    """The file of the curves of a training, beside the folder of its states."""
    return states.with_name(f"{states.name}.curves.jsonl")


class CurveFile:
    """Adds the figures of steps to a file; the longer it is, the more steps are left out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines = _count(path)

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Adds a step's figures, when it is its turn.

        Raises:
            OSError: the file cannot be written.
        """
        if step % (1 + self._lines // _DENSE_LINES):
            return
        kept = {name: float(f"{value:.6g}") for name, value in values.items() if math.isfinite(value)}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps({"step": step, **kept}) + "\n")
        self._lines += 1


def read_curve(path: Path) -> dict[str, Points]:
    """Points (step, value) of every figure in the file, by step.

    Where a training went back to an earlier state, the later line of a step counts. A line that
    cannot be read, as one cut off by a loss of power, is left out; a missing file has no figures.
    """
    lines: dict[int, dict[str, float]] = {}
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    for line in text.splitlines():
        found = _figures(line)
        if found is not None:
            step = int(found.pop("step"))
            while lines and next(reversed(lines)) >= step:
                lines.popitem()
            lines[step] = found
    made: dict[str, Points] = {}
    for step, figures in lines.items():
        for name, value in figures.items():
            made.setdefault(name, []).append((float(step), value))
    return made


def _figures(line: str) -> dict[str, float] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    if not isinstance(found, dict) or not isinstance(found.get("step"), int):
        return None
    return {name: value for name, value in found.items() if isinstance(value, int | float)}


def _count(path: Path) -> int:
    try:
        with path.open("rb") as file:
            return sum(1 for _ in file)
    except OSError:
        return 0
