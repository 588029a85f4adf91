"""What every page is given."""

from __future__ import annotations

from dataclasses import dataclass

from gsv_desktop.core.settings import SettingsStore
from gsv_desktop.jobs.board import StageBoard
from gsv_desktop.jobs.server import LocalServer
from gsv_desktop.widgets.player import Player


@dataclass(frozen=True, slots=True)
class Services:
    """Built once by the application, handed to every page."""

    board: StageBoard
    player: Player
    settings: SettingsStore
    server: LocalServer
