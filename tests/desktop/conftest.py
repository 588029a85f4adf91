import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from gsv_desktop.app import DesktopApp
from gsv_desktop.core.project import create_project
from gsv_desktop.core.settings import SettingsStore
from gsv_desktop.jobs.queue import JobQueue
from tests.gsv_desktop.conftest import scripted_launch

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    return made


@pytest.fixture
def open_desktop(qapp: QApplication, folder: Path) -> Iterator[Callable[..., DesktopApp]]:
    """Opens the real window on an empty workspace; `scripted` takes the scripted worker."""
    opened: list[DesktopApp] = []

    def make(workspace: Path = folder / "workspace", *, scripted: bool = False) -> DesktopApp:
        queue = JobQueue(launch=scripted_launch) if scripted else None
        desktop = DesktopApp(create_project(workspace), SettingsStore(folder / "settings.json"), queue=queue)
        desktop.window.show()
        opened.append(desktop)
        return desktop

    yield make
    for desktop in opened:
        desktop.close()
        desktop.window.hide()
        desktop.window.deleteLater()
    qapp.processEvents()
