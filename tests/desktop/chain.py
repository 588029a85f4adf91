"""The whole preparation of a dataset by clicks in the real window: slice, transcribe, check, prepare."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from engine.protocol.results import StageResult
from gsv_desktop.app import DesktopApp
from tests.desktop.tabs import LABEL, PREPARE, SLICE, TRANSCRIBE

LIMIT_S = 1800
TABS = {"slice": SLICE, "transcribe": TRANSCRIBE, "check": LABEL, "prepare": PREPARE}


@dataclass(frozen=True, slots=True)
class Walked:
    """A stage that was done, and the seconds from the click to its end."""

    stage: str
    seconds: float
    result: StageResult


def set_up(desktop: DesktopApp, whisper: Path) -> None:
    """Enters what the pages cannot know; each page is handed the rest by the one before."""
    pages = desktop.window.pages
    pages[SLICE].form.set_values({"min_length_ms": 2500})
    pages[TRANSCRIBE].form.set_values({"model": str(whisper), "language": "en", "speaker": "ann"})
    pages[PREPARE].form.set_values({"device": "cpu"})


def walk(desktop: DesktopApp, stages: Collection[str] = tuple(TABS)) -> Iterator[Walked]:
    """Goes through the pages and clicks on the button that each stage is started with."""
    for stage, tab in ((stage, TABS[stage]) for stage in stages):
        desktop.window.tabs.setCurrentIndex(tab)
        page = desktop.window.pages[tab]
        button: QPushButton = page.check_button if stage == "check" else page.start_button
        before = desktop.board.job_of(stage)
        begun = time.perf_counter()
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        job = desktop.board.job_of(stage)
        assert job not in (None, before), f"{stage} was not started: {page.banner.text()}"
        while not job.state.ended:
            QTest.qWait(10)
            assert time.perf_counter() - begun < LIMIT_S, f"{stage} did not end"
        seconds = time.perf_counter() - begun
        assert job.outcome is not None
        assert job.outcome.result is not None, f"{stage}: {job.outcome}"
        yield Walked(stage, seconds, job.outcome.result)
