"""Opens the real window on the sample project and saves a picture of every page.

Run: xvfb-run -s "-screen 0 1280x860x24" python -m tests.desktop.screenshots FOLDER [WIDTHxHEIGHT] [dark]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from PySide6.QtCore import QThreadPool
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from gsv_desktop.app import DesktopApp
from gsv_desktop.core.sample import open_sample
from gsv_desktop.core.settings import SettingsStore
from gsv_desktop.theme import Theme


def main(folder: Path, size: tuple[int, int], dark: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    application = QApplication([])
    theme = Theme(application)
    theme.apply(dark=dark)
    with tempfile.TemporaryDirectory() as home:
        project = open_sample(Path(home) / "GSV Sample")
        desktop = DesktopApp(project, SettingsStore(Path(home) / "settings.json"))
        desktop.window.resize(*size)
        desktop.window.show()
        for number, page in enumerate(desktop.window.pages):
            desktop.window.tabs.setCurrentIndex(number)
            QTest.qWait(600)
            QThreadPool.globalInstance().waitForDone(10_000)
            QTest.qWait(100)
            name = page.title.lower().replace(" ", "_")
            desktop.window.grab().save(str(folder / f"{number + 1}_{name}.png"))
        desktop.window.close()
        desktop.close()


if __name__ == "__main__":
    wanted = sys.argv[2] if len(sys.argv) > 2 else "1100x750"
    width, height = (int(part) for part in wanted.split("x"))
    main(Path(sys.argv[1]), (width, height), "dark" in sys.argv[3:])
