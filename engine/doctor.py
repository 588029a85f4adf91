"""What this machine has, what is missing, and the remedy for each."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from importlib import metadata, util
from pathlib import Path
from typing import Final

from engine.protocol.builtin import sample_project, starter_voice
from engine.protocol.known_models import KnownModel, known_models
from engine.protocol.voices import find_voices
from engine.protocol.workspace import Workspace

LIBRARIES: Final = (
    "torch",
    "transformers",
    "faster-whisper",
    "librosa",
    "av",
    "soundfile",
    "soxr",
    "sounddevice",
    "PySide6-Essentials",
    "safetensors",
    "pydantic",
)


def examine(root: Path) -> dict[str, object]:
    """Machine, GPUs, libraries, models and voices of the workspace at `root`, as JSON values."""
    workspace = Workspace(root.resolve())
    return {
        "machine": _machine(root),
        "gpus": _gpus(),
        "libraries": [_library(name) for name in LIBRARIES],
        "models": [_model(model) for model in known_models(workspace)],
        "voices": [voice.name for voice in find_voices(workspace, (starter_voice(),))],
        "sample_project": str(sample_project()),
    }


def _machine(root: Path) -> dict[str, object]:
    place = root if root.exists() else Path()
    return {
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "processors": os.cpu_count() or 1,
        "free_disk_gib": round(shutil.disk_usage(place).free / 2**30, 1),
    }


def _gpus() -> list[dict[str, object]]:
    if util.find_spec("torch") is None:
        return []
    import torch

    found: list[dict[str, object]] = []
    for index in range(torch.cuda.device_count()):
        facts = torch.cuda.get_device_properties(index)
        found.append({"name": facts.name, "memory_gib": round(facts.total_memory / 2**30, 1)})
    return found


def _library(name: str) -> dict[str, object]:
    try:
        return {"name": name, "version": metadata.version(name)}
    except metadata.PackageNotFoundError:
        return {"name": name, "version": None, "remedy": "python3 packaging/bootstrap.py run installs it"}


def _model(model: KnownModel) -> dict[str, object]:
    row: dict[str, object] = {
        "model": model.title,
        "used_for": model.used_for,
        "path": str(model.path),
        "found": model.found,
    }
    if not model.found:
        row |= {"missing": list(model.missing), "remedy": model.remedy}
        if model.without:
            row["without_it"] = model.without
    return row
