"""Several files that are let go on a page at once."""

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication

from gsv_desktop.core.project import open_project
from gsv_desktop.core.state import WorkState
from tests.desktop.tabs import DENOISE, SEPARATE, SLICE, TRANSCRIBE
from tests.desktop.test_window import WAIT_MS, speech, until_ended


def drop_on(widget, paths) -> bool:
    """Drags files over a widget and lets them go; whether they were welcome."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    left, plain = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(9, 9), Qt.DropAction.CopyAction, data, left, plain)
    enter.ignore()
    QApplication.sendEvent(widget, enter)
    if enter.isAccepted():
        drop = QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, data, left, plain)
        QApplication.sendEvent(widget, drop)
    return enter.isAccepted()


@pytest.mark.parametrize("tab", [SEPARATE, SLICE, DENOISE, TRANSCRIBE])
def test_files_that_are_dropped_anywhere_on_a_page_are_its_input(qtbot, open_desktop, folder, tab):
    desktop = open_desktop(scripted=True)
    desktop.window.tabs.setCurrentIndex(tab)
    page = desktop.window.pages[tab]
    files = [folder / "录 音.wav", folder / "it's b.wav"]
    for path in files:
        path.write_bytes(b"")
    assert drop_on(page, [*files, files[0]])
    assert page.form.values()["input"] == [*map(str, files)]
    assert drop_on(page, files[:1])
    assert page.form.values()["input"] == str(files[0])
    page.save_form()
    kept = open_project(desktop.board.project.root).values(page.stage)
    assert kept["input"] == str(files[0])


def test_dropped_files_are_cut_where_they_lie_and_the_page_says_what_it_left_out(qtbot, open_desktop, folder):
    desktop = open_desktop()
    desktop.window.tabs.setCurrentIndex(SLICE)
    page = desktop.window.pages[SLICE]
    good, other = speech(folder / "录 音.wav", 6), speech(folder / "it's b.wav", 6)
    fake = folder / "notes.mp3"
    fake.write_text("words", encoding="utf-8")
    (folder / "twin").mkdir()
    twin = speech(folder / "twin" / "录 音.wav", 6)
    assert drop_on(page, [good, other, fake, twin])
    page.look()
    assert [page.choice.itemText(number) for number in range(page.choice.count())][:2] == [
        "录 音.wav",
        "it's b.wav",
    ]
    page.start_button.click()
    until_ended(qtbot, desktop, "slice")
    record = desktop.board.record("slice")
    assert record.state is WorkState.DONE, record
    assert {path.name.split("_0")[0] for path in page.clips.paths} == {"录 音.wav", "it's b.wav"}
    assert page.skipped.isVisible()
    reasons = {
        Path(page.skipped.item(row, 0).toolTip()): page.skipped.item(row, 1).text()
        for row in range(page.skipped.rowCount())
    }
    assert "same name" in reasons[twin]
    assert reasons[fake] == "notes.mp3 is not a sound file."
    page.choice.setCurrentIndex(1)
    page.choice.activated.emit(1)
    qtbot.waitUntil(lambda: page.clip.path == other and page.clip.wave.duration_s > 0, timeout=WAIT_MS)
