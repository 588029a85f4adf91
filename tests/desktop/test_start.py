import subprocess
import sys

from engine.protocol.label_list import LabelRow, write_labels
from tests.desktop.tabs import LABEL, SEPARATE

CHECK = """
import sys
import gsv_desktop.app
from pathlib import Path
from PySide6.QtWidgets import QApplication
from gsv_desktop.core.project import create_project
from gsv_desktop.core.settings import SettingsStore
application = QApplication([])
theme = gsv_desktop.app.Theme(application)
folder = Path(sys.argv[1])
desktop = gsv_desktop.app.DesktopApp(create_project(folder), SettingsStore(folder / "settings.json"))
theme.dress()
desktop.window.show()
application.processEvents()
heavy = {"torch", "transformers", "numpy", "soundfile", "sounddevice", "librosa"} & set(sys.modules)
desktop.close()
print(sorted(heavy))
"""


def test_the_window_brings_nothing_heavy(folder):
    done = subprocess.run(
        [sys.executable, "-c", CHECK, str(folder)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_a_page_that_a_caller_wants_is_shown_with_its_labels(open_desktop, folder):
    labels = folder / "x.list"
    write_labels(labels, [LabelRow(path="a.wav", speaker="ann", language="en", text="Hello.", line=1)])
    desktop = open_desktop()
    desktop.server.page_wanted.emit("label", str(labels))
    window = desktop.window
    assert window.tabs.currentIndex() == LABEL
    assert window.label_page.path.text() == str(labels)
    assert window.label_page.model.rowCount() == 1


def test_the_window_turns_to_the_page_of_a_stage(open_desktop):
    window = open_desktop().window
    for stage, place in (("label", LABEL), ("separate", SEPARATE), ("no such stage", SEPARATE)):
        window.show_page(stage)
        assert window.tabs.currentIndex() == place
