"""Folders of the user's own that belong to no workspace."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

FOLDER: Final = "GSV Desktop"


def data_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Folder of what belongs to the user and to every workspace."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / FOLDER
    named = environment.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_DATA_HOME", "")
    base = Path(named) if named and Path(named).is_absolute() else Path.home() / ".local" / "share"
    return base / FOLDER
