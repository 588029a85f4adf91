"""What the training pages do."""

from __future__ import annotations

from pathlib import Path

from engine.protocol.versions import VERSIONS
from engine.protocol.workspace import Workspace


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
