import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from gsv_desktop.jobs.launch import Launch
from gsv_desktop.jobs.queue import JobQueue

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
SCRIPTED = Path(__file__).parents[1] / "desktop" / "scripted_worker.py"


def scripted_launch(folder: Path | None) -> Launch:
    environment = {**os.environ, "PYTHONUTF8": "1"}
    return Launch(program=sys.executable, arguments=(str(SCRIPTED),), environment=environment, folder=folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    return made


@pytest.fixture
def queue(qapp: QApplication, folder: Path) -> Iterator[JobQueue]:
    made = JobQueue(launch=scripted_launch)
    made.set_folder(folder)
    yield made
    made.shut_down()
