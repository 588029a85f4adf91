"""Which exported weights may go when space is short: listed before anything is removed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.protocol.auditions import Heard, audition_weights, read_auditions, recommend
from engine.protocol.errors import BadParameters, MissingModel, OutOfSpace
from engine.protocol.exports import Export, gpt_exports, newest, sovits_exports
from engine.protocol.versions import VERSIONS, ModelVersion
from engine.protocol.voices import CARD, read_voice
from engine.protocol.workspace import Workspace

_UNITS: Final = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An exported weight file and what is to become of it.

    Attributes:
        path: The file.
        size_bytes: Its size.
        reason: Why it stays in any case; empty when it may go.
    """

    path: Path
    size_bytes: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunePlan:
    """What stays and what would go.

    Attributes:
        kept: Files that stay, with the reason where one stands for them.
        removed: Files that would go, in that order.
        budget_bytes: Room that there is for all.
    """

    kept: tuple[Candidate, ...]
    removed: tuple[Candidate, ...]
    budget_bytes: int

    @property
    def kept_bytes(self) -> int:
        """What is left."""
        return sum(one.size_bytes for one in self.kept)

    @property
    def fits(self) -> bool:
        """Whether what has to stay fits into the budget."""
        return self.kept_bytes <= self.budget_bytes

    def text(self) -> str:
        """The plan for people, a line for each file."""
        lines = [f"remove  {_megabytes(one.size_bytes)}  {one.path}" for one in self.removed]
        lines += [
            f"keep    {_megabytes(one.size_bytes)}  {one.path}{f'  ({one.reason})' if one.reason else ''}"
            for one in self.kept
        ]
        lines.append(f"{len(self.removed)} to remove; {_megabytes(self.kept_bytes).strip()} stay.")
        if not self.fits:
            lines.append(f"What has to stay takes more than {_megabytes(self.budget_bytes).strip()}.")
        return "\n".join(lines)


def plan_pruning(workspace: Workspace, experiment: str, budget_bytes: int) -> PrunePlan:
    """What would have to go so that an experiment's exported weights take no more than the budget.

    The newest save of each kind stays, and so do the recommended pair, the pairs with the best figures
    and whatever a voice of the workspace speaks with. Of the rest the oldest go first. Training states,
    sounds and everything else are not looked at.

    Raises:
        BadParameters: the name cannot be a folder's name.
    """
    found: list[Candidate] = []
    for version in VERSIONS.values():
        reasons = _reasons(workspace, version, experiment)
        for export in _exports(workspace, version, experiment):
            size = export.path.stat().st_size
            found.append(Candidate(path=export.path, size_bytes=size, reason=reasons.get(export.path, "")))
    total = sum(one.size_bytes for one in found)
    removed = []
    for one in sorted((one for one in found if not one.reason), key=_age):
        if total <= budget_bytes:
            break
        removed.append(one)
        total -= one.size_bytes
    kept = tuple(one for one in found if one not in removed)
    return PrunePlan(kept=kept, removed=tuple(removed), budget_bytes=budget_bytes)


def prune(plan: PrunePlan) -> tuple[Path, ...]:
    """Removes what a plan lists, and gives what is gone.

    Raises:
        OutOfSpace: a file cannot be removed; those after it stay.
    """
    gone = []
    for one in plan.removed:
        try:
            one.path.unlink(missing_ok=True)
        except OSError as error:
            raise OutOfSpace(
                f"{one.path} cannot be removed.",
                hint="Close the programs that use it, and try again.",
                detail=str(error),
            ) from error
        gone.append(one.path)
    return tuple(gone)


def parse_size(text: str) -> int:
    """Bytes of `2GB`, `500 MB` or a plain number; units are powers of ten.

    Raises:
        BadParameters: it is no size.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", text.lower())
    if found is None or found[2] not in _UNITS:
        raise BadParameters(f"{text!r} is no size.", hint="Write it as 2GB or 500MB.")
    return int(float(found[1]) * _UNITS[found[2]])


def _exports(workspace: Workspace, version: ModelVersion, experiment: str) -> Iterator[Export]:
    yield from gpt_exports(workspace, version, experiment)
    yield from sovits_exports(workspace, version, experiment)


def _age(one: Candidate) -> tuple[int, str]:
    return one.path.stat().st_mtime_ns, one.path.name


def _reasons(workspace: Workspace, version: ModelVersion, experiment: str) -> dict[Path, str]:
    """Why files stay; the strongest reason counts."""
    reasons: dict[Path, str] = {}
    for exports in (
        gpt_exports(workspace, version, experiment),
        sovits_exports(workspace, version, experiment),
    ):
        if exports:
            reasons[newest(exports).path] = "the newest"
    heard = [
        one
        for one in read_auditions(workspace.experiment(experiment), version)
        if all(path.is_file() for path in audition_weights(one.audition, workspace, version))
    ]
    for one, reason in _best(heard):
        for path in audition_weights(one.audition, workspace, version):
            reasons[path] = reason
    reasons |= dict.fromkeys(_spoken_with(workspace), "a voice speaks with it")
    return reasons


def _best(heard: list[Heard]) -> Iterator[tuple[Heard, str]]:
    """The pairs worth keeping, the recommended one last."""
    alike = [one for one in heard if one.audition.similarity is not None]
    clear = [one for one in heard if one.audition.error is not None]
    if alike:
        yield max(alike, key=lambda one: one.audition.similarity or 0.0), "the highest similarity"
    if clear:
        yield min(clear, key=lambda one: one.audition.error or 0.0), "the fewest errors"
    recommended = recommend(heard)
    if recommended is not None:
        yield recommended.best, "recommended"


def _spoken_with(workspace: Workspace) -> Iterator[Path]:
    for card in workspace.voices.glob(f"*/{CARD}") if workspace.voices.is_dir() else ():
        try:
            voice = read_voice(card)
        except (BadParameters, MissingModel):
            continue
        for version in VERSIONS.values():
            yield workspace.gpt_weights(version) / voice.gpt.name
            yield workspace.sovits_weights(version) / voice.sovits.name


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 10**6:8.1f} MB"
