"""Builds every object of the window and wires them; nobody else does."""

from __future__ import annotations

import argparse
import logging
import logging.handlers
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PySide6.QtWidgets import QApplication

from engine.protocol.errors import EngineError
from engine.protocol.user_folders import config_folder
from gsv_desktop.core.paths import sample_workspace
from gsv_desktop.core.project import LABEL, Project, create_project
from gsv_desktop.core.sample import open_sample
from gsv_desktop.core.settings import SettingsStore
from gsv_desktop.errors import show_error, show_unexpected
from gsv_desktop.jobs.board import StageBoard
from gsv_desktop.jobs.queue import JobQueue
from gsv_desktop.jobs.server import LocalServer
from gsv_desktop.main_window import MainWindow
from gsv_desktop.pages.services import Services
from gsv_desktop.theme import Theme
from gsv_desktop.widgets.player import Player

VERSION: Final = "0.1.0"
LOG_BYTES: Final = 2_000_000
LOG_FILES: Final = 3
log = logging.getLogger(__name__)


class LogFile:
    """The program's log, in the workspace that is open."""

    def __init__(self) -> None:
        self._handler: logging.Handler | None = None

    def open(self, path: Path) -> None:
        """Goes on in another file; one that cannot be opened is done without."""
        self.close()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handler = logging.handlers.RotatingFileHandler(
                path, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8", delay=True
            )
        except OSError as error:
            log.warning("no log file: %s", error)
            return
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        logger = logging.getLogger("gsv_desktop")
        logger.setLevel(logging.INFO)
        logger.addHandler(handler)
        self._handler = handler

    def close(self) -> None:
        """Lets go of the file."""
        if self._handler is not None:
            logging.getLogger("gsv_desktop").removeHandler(self._handler)
            self._handler.close()
            self._handler = None


class DesktopApp:
    """The running program.

    Attributes:
        queue: The job queue.
        board: The open project at work.
        player: The sound output.
        server: The local server, off until the user starts it.
        window: The main window.
    """

    def __init__(self, project: Project, settings: SettingsStore, *, queue: JobQueue | None = None) -> None:
        self.queue = queue if queue is not None else JobQueue()
        self.board = StageBoard(self.queue, project)
        self.player = Player()
        self.server = LocalServer()
        self._log_file = LogFile()
        self._log_file.open(project.log_file)
        self.window = MainWindow(Services(self.board, self.player, settings, self.server))
        self.board.project_opened.connect(self._on_project_opened)

    def close(self) -> None:
        """Ends workers and log."""
        self.player.stop()
        self.server.shut_down()
        self.queue.shut_down()
        self._log_file.close()

    def _on_project_opened(self) -> None:
        self._log_file.open(self.board.project.log_file)


def find_project(argument: str | None) -> Project:
    """The project of the command line; without one, the sample project.

    Raises:
        EngineError: it cannot be opened.
    """
    if argument is None:
        return open_sample(sample_workspace())
    return create_project(Path(argument))


def main(arguments: Sequence[str] | None = None) -> int:
    """Opens the window and runs until it is closed."""
    parser = argparse.ArgumentParser(prog="gsv_desktop", description="GSV Desktop: the window")
    parser.add_argument("project", nargs="?", help="workspace folder; the sample project when left out")
    parser.add_argument("--page", default="", metavar="STAGE", help="stage whose page is shown first")
    parser.add_argument("--labels", type=Path, metavar="FILE", help="label file that the label page shows")
    options = parser.parse_args(arguments)
    application = QApplication(sys.argv[:1])
    application.setApplicationName("GSV Desktop")
    application.setApplicationVersion(VERSION)
    theme = Theme(application)
    sys.excepthook = show_unexpected
    try:
        project = find_project(options.project)
        if options.labels is not None:
            project.set_values(LABEL, {**project.values(LABEL), "labels": str(options.labels.absolute())})
    except EngineError as error:
        show_error(None, error)
        return 1
    desktop = DesktopApp(project, SettingsStore(config_folder() / "settings.json"))
    theme.dress()
    if options.page:
        desktop.window.show_page(options.page)
    desktop.window.show()
    code = application.exec()
    desktop.close()
    return code
