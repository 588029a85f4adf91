"""Which models for separating lie in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Final

SUFFIXES: Final = (".pth", ".onnx", ".ckpt", ".safetensors")


def separation_models(folder: Path) -> dict[str, Path]:
    """Names of the models of a folder, in order, with their files; a folder with an ONNX file is one too."""
    if not folder.is_dir():
        return {}
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir(), key=lambda p: p.name.lower()):
        if path.is_file() and path.suffix.lower() in SUFFIXES:
            found[path.stem] = path
        elif path.is_dir() and (inner := sorted(path.glob("*.onnx"))):
            found[path.name] = inner[0]
    return found
