"""Settings of the window: one JSON file in the user's folder, replaced whole."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from engine.protocol.errors import OutOfSpace
from engine.protocol.label_list import replace_text

log = logging.getLogger(__name__)
RECENT_LIMIT: Final = 8


class Settings(BaseModel):
    """What is remembered between two starts.

    Attributes:
        recent: Workspace folders, the last one first.
        expert: Whether forms show their expert part.
        geometry: Qt's own record of the window's place, base64.
        layout: Qt's own record of its docks, base64.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    recent: tuple[str, ...] = ()
    expert: bool = False
    geometry: str = ""
    layout: str = ""


class SettingsStore:
    """Reads and writes the settings file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._current = self._read()

    @property
    def current(self) -> Settings:
        """The settings as they are now."""
        return self._current

    def change(self, **changes: Any) -> None:
        """Changes some values and saves; a disk that refuses is logged, the values hold for this run."""
        self._current = self._current.model_copy(update=changes)
        try:
            replace_text(self._path, self._current.model_dump_json(indent=2) + "\n")
        except OutOfSpace as error:
            log.warning("settings not saved: %s %s", error.message, error.detail)

    def remember(self, workspace: Path) -> None:
        """Puts a workspace first among the recent ones."""
        first = str(workspace)
        others = [path for path in self._current.recent if path != first]
        self.change(recent=(first, *others)[:RECENT_LIMIT])

    def _read(self) -> Settings:
        if not self._path.is_file():
            return Settings()
        try:
            return Settings.model_validate_json(self._path.read_text(encoding="utf-8"))
        except (ValidationError, UnicodeDecodeError, OSError) as error:
            log.warning("%s cannot be read, so the settings start anew: %s", self._path, error)
            self._set_aside()
            return Settings()

    def _set_aside(self) -> None:
        try:
            os.replace(self._path, self._path.with_suffix(".bad"))
        except OSError as error:
            log.warning("%s cannot be set aside: %s", self._path, error)
