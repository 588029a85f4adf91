"""Folders of the user's own that belong to no workspace."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

FOLDER: Final = "GSV Desktop"


def config_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Folder of the settings."""
    return _user_folder(environment, windows="APPDATA", linux="XDG_CONFIG_HOME", fallback=".config")


def data_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Folder of what belongs to the user and to every workspace."""
    return _user_folder(environment, windows="LOCALAPPDATA", linux="XDG_DATA_HOME", fallback=".local/share")


def _user_folder(environment: Mapping[str, str], *, windows: str, linux: str, fallback: str) -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / FOLDER
    named = environment.get(windows if sys.platform == "win32" else linux, "")
    base = Path(named) if named and Path(named).is_absolute() else Path.home() / fallback
    return base / FOLDER
