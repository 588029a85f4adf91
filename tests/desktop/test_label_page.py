"""The label page in a real window, by clicks and keys."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QUndoStack
from PySide6.QtWidgets import QAbstractItemView, QApplication, QFileDialog, QLineEdit

from engine.protocol.label_list import read_labels
from engine.protocol.transcripts import Transcript, transcripts_beside, write_transcripts
from gsv_desktop.pages.label.table import Column
from tests.desktop.tabs import LABEL

WAIT_MS = 60_000
CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


def tone(path: Path, seconds: float) -> Path:
    time_s = np.arange(int(seconds * 16000)) / 16000
    soundfile.write(path, (0.3 * np.sin(2 * np.pi * 220 * time_s)).astype(np.float32), 16000)
    return path


@pytest.fixture
def labels(folder):
    """Three clips and their list."""
    path = folder / "标签 it's.list"
    lines = []
    for number, (name, seconds) in enumerate((("b", 2.0), ("a", 1.0), ("c", 3.0))):
        tone(folder / f"{name} 名.wav", seconds)
        lines.append(f"{name} 名.wav|me|EN|Text number {number}, said twice.\n")
    path.write_text("".join(lines), encoding="utf-8")
    return path


@pytest.fixture
def page(qtbot, open_desktop, labels):
    """The page with the list in it, in front, with the keyboard."""
    desktop = open_desktop(scripted=True)
    desktop.window.tabs.setCurrentIndex(LABEL)
    shown = desktop.window.pages[LABEL]
    shown.path.set_text(str(labels))
    desktop.window.activateWindow()
    qtbot.waitUntil(desktop.window.isActiveWindow)
    shown.table.setFocus()
    qtbot.waitUntil(lambda: shown.clip.wave.duration_s > 0, timeout=WAIT_MS)
    return shown


def texts(path: Path) -> list[str]:
    return [row.text for row in read_labels(path).rows]


def names(page) -> list[str]:
    return [page.model.row(place).name for place in range(page.model.rowCount())]


def click_row(qtbot, page, place: int, modifier=Qt.KeyboardModifier.NoModifier) -> None:
    box = page.table.visualRect(page.model.index(place, Column.CLIP))
    qtbot.mouseClick(page.table.viewport(), Qt.MouseButton.LeftButton, modifier, box.center())


def click_header(qtbot, page, column: Column) -> None:
    header = page.table.horizontalHeader()
    at = QPoint(header.sectionViewportPosition(column) + 8, header.height() // 2)
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=at)


def test_a_text_is_edited_by_keys_saved_by_itself_and_taken_back(qtbot, page, labels):
    before = labels.read_bytes()
    qtbot.keyClick(page.table, Qt.Key.Key_Return)
    assert page.table.state() is QAbstractItemView.State.EditingState
    editor = QApplication.focusWidget()
    assert isinstance(editor, QLineEdit)
    qtbot.keyClick(editor, Qt.Key.Key_A, CONTROL)
    qtbot.keyClicks(editor, "Right now.")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.dirty, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not page.dirty, timeout=WAIT_MS)
    assert texts(labels)[0] == "Right now."
    assert labels.with_name(f"{labels.name}.bak").read_bytes() == before
    page.table.setFocus()
    qtbot.keyClick(page.table, Qt.Key.Key_Z, CONTROL)
    assert page.model.rows[0].text == "Text number 0, said twice."
    qtbot.keyClick(page.table, Qt.Key.Key_Z, CONTROL | SHIFT)
    assert page.model.rows[0].text == "Right now."
    assert page.settle()
    # The copy is the file as it was opened, not as it was saved in between.
    assert labels.with_name(f"{labels.name}.bak").read_bytes() == before


def test_clips_are_split_at_the_cursor_and_joined_again(qtbot, page, labels):
    sounds = {path: path.read_bytes() for path in labels.parent.glob("*.wav")}
    box = page.clip.wave.rect()
    qtbot.mouseClick(page.clip.wave, Qt.MouseButton.LeftButton, pos=QPoint(box.width() // 2, 20))
    page.table.setFocus()
    qtbot.keyClick(page.table, Qt.Key.Key_T, CONTROL)
    assert names(page) == ["b 名_a.wav", "b 名_b.wav", "a 名.wav", "c 名.wav"]
    assert [page.model.row(place).text for place in (0, 1)] == ["Text number 0,", "said twice."]
    assert page.model.index(0, Column.LENGTH).data() == "1.0 s"
    assert page.model.row(0).path == "b 名_a.wav"  # relative, as the file had it
    click_row(qtbot, page, 0)
    click_row(qtbot, page, 1, CONTROL)
    page.editor.pause.setValue(0.5)
    qtbot.keyClick(page.table, Qt.Key.Key_J, CONTROL)
    assert names(page)[0] == "b 名_a_joined.wav"
    assert soundfile.info(labels.parent / "b 名_a_joined.wav").duration == pytest.approx(2.5, abs=0.01)
    assert page.model.row(0).text == "Text number 0, said twice."
    for _ in range(2):
        qtbot.keyClick(page.table, Qt.Key.Key_Z, CONTROL)
    assert names(page) == ["b 名.wav", "a 名.wav", "c 名.wav"]
    assert {path: path.read_bytes() for path in sounds} == sounds


def test_a_cut_at_the_very_start_is_refused_in_words(qtbot, page):
    qtbot.keyClick(page.table, Qt.Key.Key_T, CONTROL)
    assert "too short" in page.banner.text()
    assert len(names(page)) == 3
    assert not page.dirty


def test_rows_are_deleted_and_come_back_in_their_places(qtbot, page, labels):
    click_row(qtbot, page, 0)
    click_row(qtbot, page, 2, CONTROL)
    qtbot.keyClick(page.table, Qt.Key.Key_Delete)
    assert names(page) == ["a 名.wav"]
    assert page.settle()
    assert len(texts(labels)) == 1
    qtbot.keyClick(page.table, Qt.Key.Key_Z, CONTROL)
    assert names(page) == ["b 名.wav", "a 名.wav", "c 名.wav"]
    assert (labels.parent / "b 名.wav").is_file()


def test_all_rows_may_be_deleted(qtbot, page):
    qtbot.keyClick(page.table, Qt.Key.Key_A, CONTROL)
    qtbot.keyClick(page.table, Qt.Key.Key_Delete)
    assert names(page) == []
    qtbot.keyClick(page.editor, Qt.Key.Key_Z, CONTROL)
    assert len(names(page)) == 3


def test_search_shows_matches_and_replaces_them_in_one_step(qtbot, page):
    qtbot.keyClick(page.table, Qt.Key.Key_F, CONTROL)
    bar = page.editor.search_bar
    qtbot.keyClicks(bar.pattern, "number 1")
    assert names(page) == ["a 名.wav"]
    bar.pattern.clear()
    bar.regex.setChecked(True)
    qtbot.keyClicks(bar.pattern, "number ([02])")
    qtbot.keyClicks(bar.words, r"no. \1")
    qtbot.mouseClick(bar.button, Qt.MouseButton.LeftButton)
    assert [row.text for row in page.model.rows] == [
        "Text no. 0, said twice.",
        "Text number 1, said twice.",
        "Text no. 2, said twice.",
    ]
    qtbot.keyClick(bar.words, Qt.Key.Key_Escape)
    assert len(names(page)) == 3
    stack: QUndoStack = page.model.undo_stack
    assert stack.count() == 1
    stack.undo()
    assert all("number" in row.text for row in page.model.rows)


def test_a_broken_expression_is_told(qtbot, page):
    page.editor.search_bar.regex.setChecked(True)
    qtbot.keyClicks(page.editor.search_bar.pattern, "(")
    assert "No expression" in page.editor.search_bar._note.text()
    assert len(names(page)) == 3


def test_sorting_by_length_and_confidence_leaves_the_file_in_order(qtbot, page, labels):
    qtbot.waitUntil(lambda: page.model.index(0, Column.LENGTH).data() != "", timeout=WAIT_MS)
    click_header(qtbot, page, Column.LENGTH)
    assert names(page) == ["a 名.wav", "b 名.wav", "c 名.wav"]
    click_header(qtbot, page, Column.LENGTH)
    assert names(page) == ["c 名.wav", "b 名.wav", "a 名.wav"]
    page.model.setData(page.model.index(0, Column.TEXT), "Longest.")
    assert page.settle()
    assert [row.name for row in read_labels(labels).rows] == ["b 名.wav", "a 名.wav", "c 名.wav"]
    assert texts(labels)[2] == "Longest."
    click_header(qtbot, page, Column.LENGTH)
    assert names(page)[0] == "b 名.wav"
    heard = {
        f"{name} 名.wav": Transcript(
            fingerprint="", language="en", text="x", seconds=1, avg_logprob=logprob, no_speech=0
        )
        for name, logprob in (("a", -0.5), ("b", -0.1), ("c", -2.0))
    }
    write_transcripts(transcripts_beside(labels), heard)
    page.load()
    click_header(qtbot, page, Column.CONFIDENCE)
    assert names(page) == ["c 名.wav", "a 名.wav", "b 名.wav"]


def test_speaker_and_language_of_several_rows(page):
    assert page.model.set_field(Column.LANGUAGE, [0, 2], "ZH")
    assert [row.language for row in page.model.rows] == ["zh", "en", "zh"]
    assert not page.model.set_field(Column.LANGUAGE, [0], "klingon")
    page.model.undo_stack.undo()
    assert {row.language for row in page.model.rows} == {"en"}


def test_moved_files_are_found_again(qtbot, page, labels, monkeypatch):
    moved = labels.parent / "moved 移"
    moved.mkdir()
    for path in labels.parent.glob("*.wav"):
        path.rename(moved / path.name)
    page.load()
    assert page.relink_button.isVisible()
    assert "3 sound files are not there" in page._words.text()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(moved))
    qtbot.mouseClick(page.relink_button, Qt.MouseButton.LeftButton)
    assert "3 of 3" in page.banner.text()
    assert page.settle()
    assert not page.relink_button.isVisible()
    assert all(Path(row.path).is_file() for row in read_labels(labels).rows)
    page.model.undo_stack.undo()
    assert page.model.rows[0].path == "b 名.wav"


def test_a_full_disk_loses_nothing(page, labels, monkeypatch):
    page.model.setData(page.model.index(0, Column.TEXT), "New.")
    labels.with_name(f"{labels.name}.bak").mkdir()  # no copy can be written
    assert not page.settle()
    assert page.dirty
    assert "nothing was saved" in page.banner.text()
    labels.with_name(f"{labels.name}.bak").rmdir()
    assert page.settle()
    assert texts(labels)[0] == "New."


def test_a_list_of_100_000_rows(qtbot, page, folder):
    count = 100_000
    path = folder / "many.list"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"clips/{n}.wav|s|EN|Line {n % 1000} of many.\n" for n in range(count))
    page.path.set_text(str(path))
    assert page.model.rowCount() == count
    qtbot.waitUntil(lambda: page.model.missing_count == count, timeout=WAIT_MS)
    click_header(qtbot, page, Column.TEXT)
    assert page.model.row(0).text == "Line 0 of many."
    page.table.scrollToBottom()
    page.editor.search_bar.pattern.setText("Line 77 of")
    assert page.model.rowCount() == 100
    page.table.selectAll()
    page.editor.actions_by_name["delete"].trigger()
    page.editor.search_bar.clear()
    assert page.model.rowCount() == count - 100
    assert page.settle()
    assert len(read_labels(path).rows) == count - 100
    page.editor.actions_by_name["undo"].trigger()
    assert page.model.rowCount() == count
    page.model.sort_by(None)
    assert page.model.row(77).text == "Line 77 of many."


def test_the_check_marks_rows_and_leaves_them_out_in_one_click(qtbot, open_desktop, labels):
    tone(labels.parent / "tiny.wav", 0.3)
    with labels.open("a", encoding="utf-8") as file:
        file.write("tiny.wav|me|EN|Too short for training.\n")
    desktop = open_desktop()
    desktop.window.tabs.setCurrentIndex(LABEL)
    page = desktop.window.pages[LABEL]
    page.path.set_text(str(labels))
    qtbot.mouseClick(page.check_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: desktop.board.record("check").state.ended, timeout=WAIT_MS)
    place = names(page).index("tiny.wav")
    index = page.model.index(place, Column.CHECK)
    assert "too short" in index.data()
    assert "0.30 s (more than 0.6 s)" in index.data(Qt.ItemDataRole.ToolTipRole)
    assert "minutes" in page.banner.text()
    page.only_findings.click()
    assert "tiny.wav" in names(page)
    page.only_findings.click()
    dropped = page.model.table.dropped()
    assert place in dropped
    qtbot.mouseClick(page.leave_out_button, Qt.MouseButton.LeftButton)
    assert "tiny.wav" not in names(page)
    page.model.undo_stack.undo()
    assert "tiny.wav" in names(page)
    # An edited row is no longer the one that was looked at.
    page.model.setData(page.model.index(place, Column.TEXT), "Another text.")
    assert page.model.index(place, Column.CHECK).data() == ""
