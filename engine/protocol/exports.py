"""The weights that trainings have exported: which file is which epoch of which experiment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.protocol.versions import ModelVersion
from engine.protocol.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """An exported weight file.

    Attributes:
        path: The file.
        epoch: Epochs that it was trained for.
        step: Steps that it was trained for; 0 where the name does not say (GPT).
        rank: Rank of the adapter; 0 for whole weights.
    """

    path: Path
    epoch: int
    step: int = 0
    rank: int = 0

    @property
    def mark(self) -> str:
        """A short name that no other export of its kind has: `e8-s40`."""
        parts = (f"e{self.epoch}", f"s{self.step}" if self.step else "", f"l{self.rank}" if self.rank else "")
        return "-".join(part for part in parts if part)


def gpt_name(experiment: str, epoch: int) -> str:
    """File name of the GPT weights of an epoch."""
    return f"{experiment}-e{epoch}.ckpt"


def sovits_name(experiment: str, epoch: int, step: int, rank: int = 0) -> str:
    """File name of the SoVITS weights of an epoch; a rank is that of an adapter."""
    return f"{experiment}_e{epoch}_s{step}{f'_l{rank}' if rank else ''}.pth"


def gpt_exports(workspace: Workspace, version: ModelVersion, experiment: str) -> tuple[Export, ...]:
    """GPT weights of an experiment by epoch, the first one first."""
    pattern = rf"^{re.escape(experiment)}-e(?P<epoch>\d+)\.ckpt$"
    return tuple(sorted(_exports(workspace.gpt_weights(version), pattern), key=_age))


def sovits_exports(workspace: Workspace, version: ModelVersion, experiment: str) -> tuple[Export, ...]:
    """SoVITS weights of an experiment by epoch, the first one first."""
    pattern = rf"^{re.escape(experiment)}_e(?P<epoch>\d+)_s(?P<step>\d+)(?:_l(?P<rank>\d+))?\.pth$"
    return tuple(sorted(_exports(workspace.sovits_weights(version), pattern), key=_age))


def _exports(folder: Path, pattern: str) -> Iterator[Export]:
    for path in folder.iterdir() if folder.is_dir() else ():
        if found := re.match(pattern, path.name):
            said = found.groupdict()
            yield Export(
                path=path,
                epoch=int(said["epoch"]),
                step=int(said.get("step") or 0),
                rank=int(said.get("rank") or 0),
            )


def _age(export: Export) -> tuple[int, int, int]:
    return export.epoch, export.step, export.rank
