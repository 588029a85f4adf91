"""What this machine has, what is missing, and the remedy for each."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from importlib import metadata, util
from pathlib import Path
from typing import Final

from engine.protocol.builtin import pretrained, sample_project, starter_voice
from engine.protocol.versions import VERSIONS
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
        "models": _models(workspace),
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


def _models(workspace: Workspace) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for version in VERSIONS.values():
        for title, path in pretrained(workspace, version).parts().items():
            rows.append(_model(f"{title} {version.name}", path, f"Put the model at {path}."))
    whisper = sorted(workspace.asr_models.glob("faster-whisper-*")) if workspace.asr_models.is_dir() else []
    for folder in whisper:
        rows.append(_model(folder.name, folder, ""))
    if not whisper:
        place = workspace.asr_models / "faster-whisper-SIZE"
        rows.append(_model("Whisper", place, f"Put a faster-whisper model at {place}, or choose its folder."))
    return rows


def _model(title: str, path: Path, remedy: str) -> dict[str, object]:
    row: dict[str, object] = {"model": title, "path": str(path), "found": path.exists()}
    if not path.exists():
        row["remedy"] = remedy
    return row
