"""What the training pages do."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

from engine.protocol.auditions import Heard, audition_weights
from engine.protocol.curves import Points
from engine.protocol.errors import MissingModel
from engine.protocol.exports import gpt_exports, sovits_exports
from engine.protocol.pruning import Candidate
from engine.protocol.stages.audition import AUDITION
from engine.protocol.versions import VERSIONS, ModelVersion
from engine.protocol.versions import version as version_of
from engine.protocol.voices import VoiceCard, write_voice
from engine.protocol.workspace import Workspace, check_name
from gsv_desktop.core.project import Project, Values

MOST_LINES: Final = 12
BOOKKEEPING: Final = frozenset({"epoch", "seconds_per_step", "eta_s"})


def exported_weights(workspace: Workspace, stage: str, experiment: str) -> list[Path]:
    """The weights of an experiment that can speak, the newest first."""
    found: list[Path] = []
    for version in VERSIONS.values():
        gpt = stage == "train_gpt"
        folder = workspace.gpt_weights(version) if gpt else workspace.sovits_weights(version)
        start, suffix = (f"{experiment}-e", ".ckpt") if gpt else (f"{experiment}_e", ".pth")
        if folder.is_dir():
            found += [
                path for path in folder.iterdir() if path.name.startswith(start) and path.suffix == suffix
            ]
    return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)


def shortened_lines(files: Sequence[Candidate]) -> str:
    """A line for each file: name, size, and why it stays; so many that they fit on a screen."""
    lines = [
        f"{one.path.name}{f' ({one.reason})' if one.reason else ''}  {one.size_bytes / 10**6:.1f} MB"
        for one in files[:MOST_LINES]
    ]
    if len(files) > MOST_LINES:
        lines.append(f"… and {len(files) - MOST_LINES} more")
    return "\n".join(lines)


class When(StrEnum):
    """When the saves are heard."""

    AFTER = "after"
    BESIDE = "beside"
    ASKED = "asked"


def can_compare(workspace: Workspace, version: ModelVersion, experiment: str) -> bool:
    """Whether both kinds of weights are there."""
    return bool(
        gpt_exports(workspace, version, experiment) and sovits_exports(workspace, version, experiment)
    )


def audition_values(project: Project, version: str, device: str) -> Values:
    """The parameters of a comparison: the experiment's own labels stand in where no other are chosen."""
    values = project.values(AUDITION.name) | {"version": version, "device": device}
    labels = str(project.values("prepare").get("labels") or "")
    return values | {"labels": labels if labels and Path(labels).is_file() else None}


def make_voice(workspace: Workspace, experiment: str, heard: Heard) -> Path:
    """Writes the card of a pair as the experiment's voice, and gives the card's folder.

    Raises:
        MissingModel: the weights were removed since they were heard.
        OutOfSpace: the card cannot be written.
    """
    audition = heard.audition
    gpt, sovits = audition_weights(audition, workspace, version_of(audition.version))
    for path in (gpt, sovits):
        if not path.is_file():
            raise MissingModel(
                f"The weights {path} are not there any more.", hint="Choose another pair, or train again."
            )
    folder = workspace.voices / check_name(experiment)
    card = VoiceCard(
        name="{} (SoVITS {}, GPT {})".format(experiment, *audition.epochs),
        version=audition.version,
        language=audition.language,
        gpt=_seen_from(folder, gpt),
        sovits=_seen_from(folder, sovits),
        content_encoder=_seen_from(folder, workspace.root / audition.content_encoder),
        reference=_seen_from(folder, workspace.root / audition.reference),
        prompt_text=audition.prompt_text,
        prompt_language=audition.prompt_language,
        about="Chosen by comparing the saves of its training.",
    )
    write_voice(folder, card)
    return folder


def _seen_from(folder: Path, path: Path) -> str:
    """A path relative to a folder; as it is where they have no common root, as on two Windows drives."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        return str(path)


def figures_of(curves: Mapping[str, Points]) -> dict[str, Points]:
    """The curves worth drawing, of all that a training reports; the pace as steps a second."""
    made = {
        name: points
        for name, points in curves.items()
        if name not in BOOKKEEPING and not name.startswith("forecast_")
    }
    pace = [(step, 1 / value) for step, value in curves.get("seconds_per_step", []) if value > 0]
    return made | ({"steps_per_s": pace} if pace else {})


def forecast_words(values: Mapping[str, float]) -> str:
    """Time and memory that a training will take, when its figures tell; else nothing."""
    seconds, memory = values.get("forecast_s"), values.get("forecast_memory_gb")
    if seconds is None or memory is None:
        return ""
    free = values.get("forecast_free_gb")
    words = f"{_duration(seconds)}, {memory:.1f} GB of memory"
    return f"{words} ({free:.1f} GB were left)" if free is not None else words


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    if minutes < 2:
        return f"about {seconds:.0f} s"
    return f"about {minutes:.0f} min" if minutes < 120 else f"about {minutes / 60:.1f} h"
