"""The weights that trainings have exported: which file is which epoch of which experiment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.protocol.errors import BadParameters
from engine.protocol.versions import ModelVersion
from engine.protocol.workspace import Workspace

_SAVE: Final = re.compile(
    r"^(?P<head>.+(?:-e|_e))(?P<epoch>\d+)(?P<step>_s\d+)?(?P<rank>_l\d+)?(?P<end>\.ckpt|\.pth)$"
)
_GPT: Final = re.compile(r"^(?P<experiment>.+)-e(?P<epoch>\d+)(?P<also>(?:\+\d+)*)\.ckpt$")
_SOVITS: Final = re.compile(
    r"^(?P<experiment>.+)_e(?P<epoch>\d+)_s(?P<step>\d+)(?:_l(?P<rank>\d+))?(?P<also>(?:\+\d+)*)\.pth$"
)
_MEAN: Final = re.compile(r"(?P<also>(?:\+\d+)+)\.\w+$")
_FEWEST: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """An exported weight file.

    Attributes:
        path: The file.
        experiment: What was trained.
        epoch: Epochs that it was trained for.
        step: Steps that it was trained for; 0 where the name does not say (GPT).
        rank: Rank of the adapter; 0 for whole weights.
        also: Of a mean of several saves the other epochs, the latest first.
    """

    path: Path
    experiment: str
    epoch: int
    step: int = 0
    rank: int = 0
    also: tuple[int, ...] = ()

    @property
    def mark(self) -> str:
        """A short name that no other export of its kind has: `e8-s40`, and of a mean `e8-s40+4`."""
        parts = (f"e{self.epoch}", f"s{self.step}" if self.step else "", f"l{self.rank}" if self.rank else "")
        return "-".join(part for part in parts if part) + "".join(f"+{epoch}" for epoch in self.also)


def gpt_name(experiment: str, epoch: int) -> str:
    """File name of the GPT weights of an epoch."""
    return f"{experiment}-e{epoch}.ckpt"


def sovits_name(experiment: str, epoch: int, step: int, rank: int = 0) -> str:
    """File name of the SoVITS weights of an epoch; a rank is that of an adapter."""
    return f"{experiment}_e{epoch}_s{step}{f'_l{rank}' if rank else ''}.pth"


def mean_name(names: Sequence[str]) -> str:
    """File name of the mean of saves, which has all their epochs: `me-e8+4.ckpt` of e4 and e8.

    Raises:
        BadParameters: they are fewer than two, or not different saves of one experiment.
    """
    found = [match for name in names if (match := _SAVE.match(name))]
    kinds = {(match["head"], match["rank"], match["end"]) for match in found}
    if len(set(names)) < _FEWEST or len(found) < len(names) or len(kinds) != 1:
        raise BadParameters(
            f"These are not several saves of one training: {', '.join(names)}.",
            hint="Choose two or more saves of one experiment, of SoVITS or of GPT.",
        )
    newest, *others = sorted(found, key=_progress, reverse=True)
    stem = newest[0].removesuffix(newest["end"])
    return "".join((stem, *(f"+{match['epoch']}" for match in others), newest["end"]))


def by_age(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Saves of a training by their epochs, the first one first."""
    return tuple(sorted(paths, key=lambda path: _progress(_SAVE.match(path.name))))


def epochs_told(name: str, epoch: int) -> str:
    """The epoch of an exported file, or the epochs that it is the mean of: `8`, `mean 8+4`."""
    found = _MEAN.search(name)
    return f"mean {epoch}{found['also']}" if found else str(epoch)


def newest(exports: Sequence[Export]) -> Export:
    """The save of the last epoch; of means the last one when there is nothing else."""
    return next((one for one in reversed(exports) if not one.also), exports[-1])


def gpt_exports(workspace: Workspace, version: ModelVersion, experiment: str) -> tuple[Export, ...]:
    """GPT weights of an experiment by epoch, the first one first."""
    return tuple(one for one in all_gpt_exports(workspace, version) if one.experiment == experiment)


def sovits_exports(workspace: Workspace, version: ModelVersion, experiment: str) -> tuple[Export, ...]:
    """SoVITS weights of an experiment by epoch, the first one first."""
    return tuple(one for one in all_sovits_exports(workspace, version) if one.experiment == experiment)


def all_gpt_exports(workspace: Workspace, version: ModelVersion) -> tuple[Export, ...]:
    """GPT weights of every experiment, by its name and by epoch."""
    return tuple(sorted(_exports(workspace.gpt_weights(version), _GPT), key=_age))


def all_sovits_exports(workspace: Workspace, version: ModelVersion) -> tuple[Export, ...]:
    """SoVITS weights of every experiment, by its name and by epoch."""
    return tuple(sorted(_exports(workspace.sovits_weights(version), _SOVITS), key=_age))


def _exports(folder: Path, pattern: re.Pattern[str]) -> Iterator[Export]:
    for path in folder.iterdir() if folder.is_dir() else ():
        if found := pattern.match(path.name):
            said = found.groupdict()
            yield Export(
                path=path,
                experiment=found["experiment"],
                epoch=int(said["epoch"]),
                step=int(said.get("step") or 0),
                rank=int(said.get("rank") or 0),
                also=tuple(int(epoch) for epoch in found["also"].split("+") if epoch),
            )


def _progress(found: re.Match[str] | None) -> tuple[int, int]:
    if found is None:
        return 0, 0
    return int(found["epoch"]), int((found["step"] or "_s0").removeprefix("_s"))


def _age(export: Export) -> tuple[str, int, int, int, tuple[int, ...]]:
    return export.experiment, export.epoch, export.step, export.rank, export.also
