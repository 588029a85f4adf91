"""Golden cases: stored inputs, and what they must give.

The folder is the one named by the environment variable GSV_PARITY_CASES, or the small set
beside these tests.  A case whose data is missing is an error, never a silent skip.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]


def cases_folder() -> Path:
    """Where the golden data lies: golden/, manifest/ and text/ below it."""
    chosen = os.environ.get("GSV_PARITY_CASES", "")
    return Path(chosen) if chosen else Path(__file__).parent.parent / "cases"


@cache
def _index(folder: Path) -> Mapping[str, Any]:
    return json.loads((folder / "golden" / "INDEX.json").read_text(encoding="utf-8"))["cases"]


def case_names(prefix: str) -> list[str]:
    """Names of the cases that begin with a prefix, in the order of the index."""
    return [name for name in _index(cases_folder()) if name.startswith(prefix)]


def text_records(file_name: str) -> list[dict[str, Any]]:
    """The records of one JSON-lines file of the text part."""
    text = (cases_folder() / "text" / file_name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def read_json(*parts: str) -> Any:
    """One JSON file, named by its parts below the cases folder."""
    return json.loads(cases_folder().joinpath(*parts).read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class _Tolerance:
    absolute: float
    relative: float

    def outside(self, got: Array, wanted: Array) -> Array:
        """Where a value is further away than allowed (small values: by the spread of all)."""
        size = np.maximum(np.abs(wanted), wanted.std())
        near = np.abs(got - wanted) <= self.absolute + self.relative * size
        return ~(near & np.isfinite(got))


class GoldenCase:
    """One case: its inputs as arrays, its facts, and the comparison with its outputs."""

    def __init__(self, name: str) -> None:
        folder = cases_folder()
        self.name = name
        self.facts: Mapping[str, Any] = _index(folder)[name]
        with np.load(folder / "golden" / self.facts["file"]) as stored:
            self._stored = dict(stored)
        self.inputs: dict[str, Array] = {
            key: self._stored[f"in.{key}"].astype(about["dtype"])
            for key, about in self.facts["inputs"].items()
        }

    @property
    def variant(self) -> str:
        """Name of the manifest whose weights the case was computed with."""
        return str(self.facts["variant"])

    @property
    def seed(self) -> int:
        """Seed of those weights."""
        return int(self.facts["seed"])

    @property
    def outputs(self) -> list[str]:
        """Names of the outputs."""
        return list(self.facts["outputs"])

    def stored_output(self, name: str) -> Array:
        """An output that is stored whole."""
        return self._stored[f"out.{name}"]

    def problems(self, output: str, value: ArrayLike) -> list[str]:
        """What is wrong with a computed output; empty when it agrees."""
        about = self.facts["outputs"][output]
        array = np.asarray(value)
        if array.shape != tuple(about["shape"]):
            return [f"{self.name}.{output}: shape {array.shape} instead of {tuple(about['shape'])}"]
        found: list[str] = []
        for label, got, wanted in self._pairs(output, about, array):
            found += self._differences(f"{self.name}.{label}", about, got, wanted)
        if about["stored"] == "sampled":
            found += self._statistics(output, array)
        return found

    def _pairs(
        self, output: str, about: Mapping[str, Any], array: Array
    ) -> Iterator[tuple[str, Array, Array]]:
        if about["stored"] == "full":
            yield output, array, self._stored[f"out.{output}"]
            return
        line = array.reshape(-1)
        yield f"{output}[head]", line[: about["head"]], self._stored[f"out.{output}.head"]
        yield f"{output}[stride]", line[:: about["stride"]], self._stored[f"out.{output}.stride"]

    def _differences(self, label: str, about: Mapping[str, Any], got: Array, wanted: Array) -> list[str]:
        if about.get("exact"):
            return [] if np.array_equal(got, wanted) else [f"{label}: differs, must be exact"]
        limits = about.get("tolerance", self.facts["tolerance"])
        got, wanted = np.float64(got), np.float64(wanted)
        outside = _Tolerance(limits["atol"], limits["rtol"]).outside(got, wanted)
        if not outside.any():
            return []
        return [
            f"{label}: {outside.sum()} of {outside.size} values off, at most {np.abs(got - wanted).max():.3g}"
        ]

    def _statistics(self, output: str, array: Array) -> list[str]:
        _, spread, total, _ = self._stored[f"out.{output}.stats"]
        wide = array.astype(np.float64)
        got = {"spread": (wide.std(), spread), "sum": (np.abs(wide).sum(), total)}
        return [
            f"{self.name}.{output}: {what} {value:.5g} instead of {wanted:.5g}"
            for what, (value, wanted) in got.items()
            if not abs(value - wanted) <= 0.01 * abs(wanted)
        ]
