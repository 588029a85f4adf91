"""Where the window puts what it makes for the user."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from engine.protocol.user_folders import data_folder

SAMPLE: Final = "GSV Sample"


def sample_workspace() -> Path:
    """Where the sample project is made: among the user's documents when there is such a folder."""
    documents = Path.home() / "Documents"
    return (documents if documents.is_dir() else data_folder()) / SAMPLE
