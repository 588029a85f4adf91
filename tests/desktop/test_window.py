import os
import signal
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QAbstractButton, QComboBox, QLineEdit, QMessageBox

from engine.protocol.label_list import read_labels
from gsv_desktop.app import DesktopApp
from gsv_desktop.core.project import open_project
from gsv_desktop.core.state import WorkState
from gsv_desktop.pages.label.table import Column
from tests.desktop.tabs import GPT, LABEL, PREPARE, SEPARATE, SLICE, SOVITS, SPEAK, TRANSCRIBE
from tests.engine.dataset.separation.tiny import write_onnx

WAIT_MS = 60_000


def speech(path: Path, seconds: float = 20) -> Path:
    """Tones with pauses between them, which the slicer takes for sentences."""
    rate_hz = 16000
    time_s = np.arange(int(seconds * rate_hz)) / rate_hz
    wave = 0.4 * np.sin(2 * np.pi * 220 * time_s) * (time_s % 5 < 4)
    soundfile.write(path, wave.astype(np.float32), rate_hz)
    return path


def until_ended(qtbot, desktop: DesktopApp, stage: str) -> None:
    qtbot.waitUntil(lambda: desktop.board.record(stage).state.ended, timeout=WAIT_MS)


def start_scripted(desktop: DesktopApp, stage: str, script: str):
    return desktop.board.start(stage, {"script": script})


def test_slicing_runs_in_a_real_worker_and_its_clips_go_to_the_next_page(qtbot, open_desktop, folder):
    desktop = open_desktop()
    page = desktop.window.pages[SLICE]
    page.form.set_values({"input": str(speech(folder / "long 録音.wav"))})
    page.start_button.click()
    until_ended(qtbot, desktop, "slice")
    record = desktop.board.record("slice")
    assert record.state is WorkState.DONE, record
    assert page.badge.text() == "Done"
    assert "Done" in desktop.window.tabs.tabToolTip(SLICE)
    page.shown()
    assert len(page.clips.paths) >= 2
    output = desktop.board.project.values("slice")["output"]
    assert desktop.window.pages[TRANSCRIBE].form.values()["input"] == output
    page.clips.choose(0)
    qtbot.waitUntil(lambda: page.clip.wave.duration_s > 0, timeout=WAIT_MS)
    # It is remembered.
    again = open_project(desktop.board.project.root)
    assert again.record("slice").state is WorkState.DONE
    assert again.values("transcribe")["input"] == output


def test_bad_input_is_told_on_the_page_with_the_way_out(qtbot, open_desktop, folder):
    desktop = open_desktop()
    page = desktop.window.pages[SLICE]
    fake = folder / "fake.wav"
    fake.write_text("this is text", encoding="utf-8")
    page.form.set_values({"input": str(fake)})
    page.start_button.click()
    until_ended(qtbot, desktop, "slice")
    assert desktop.board.record("slice").state is WorkState.FAILED
    assert "fake.wav" in page.banner.text()
    assert page.start_button.text() == "Start again"


def test_a_form_with_faults_is_not_started(qtbot, open_desktop):
    desktop = open_desktop(scripted=True)
    page = desktop.window.pages[PREPARE]
    page.start_button.click()
    assert "Label file" in page.banner.text()
    assert desktop.queue.jobs == ()
    page.form.set_values({"labels": "/somewhere else.list"})
    assert page.banner.text() == ""


def test_a_worker_killed_in_mid_training_is_told_and_the_job_goes_on_when_started_again(qtbot, open_desktop):
    desktop = open_desktop(scripted=True)
    job = start_scripted(desktop, "train_sovits", "once")
    until_ended(qtbot, desktop, "train_sovits")
    page = desktop.window.pages[SOVITS]
    assert "ended from outside (signal 9)" in page.banner.text()
    assert "goes on where it was" in page.banner.text()
    row = desktop.window.jobs.row(job)
    assert "signal 9" in row.words()
    again = next(button for button in row.findChildren(QAbstractButton) if button.text() == "Start again")
    assert again.isVisible()
    again.click()
    until_ended(qtbot, desktop, "train_sovits")
    assert page.badge.text() == "Done"
    assert not again.isVisible()


def test_a_real_worker_that_is_killed_is_told_too(qtbot, open_desktop, folder):
    desktop = open_desktop()
    source = folder / "many"
    source.mkdir()
    for number in range(12):
        speech(source / f"{number}.wav", 30)
    page = desktop.window.pages[SLICE]
    page.form.set_values({"input": str(source)})
    page.start_button.click()
    job = desktop.board.job_of("slice")
    qtbot.waitUntil(lambda: job.progress is not None and job.progress.done > 0, timeout=WAIT_MS)
    (worker,) = desktop.queue._workers
    os.kill(worker.pid, signal.SIGKILL)
    until_ended(qtbot, desktop, "slice")
    assert "signal 9" in page.banner.text()
    page.start_button.click()
    until_ended(qtbot, desktop, "slice")
    assert desktop.board.record("slice").state is WorkState.DONE


def test_stopping_on_the_page(qtbot, open_desktop):
    desktop = open_desktop(scripted=True)
    job = start_scripted(desktop, "train_gpt", "wait")
    desktop.window.tabs.setCurrentIndex(GPT)
    page = desktop.window.pages[GPT]
    qtbot.waitUntil(lambda: job.progress is not None, timeout=WAIT_MS)
    assert page.progress.isVisible()
    assert not page.start_button.isEnabled()
    page.stop_button.click()
    until_ended(qtbot, desktop, "train_gpt")
    assert page.badge.text() == "Stopped"
    assert page.start_button.isEnabled()


def test_metrics_become_a_live_curve(qtbot, open_desktop):
    desktop = open_desktop(scripted=True)
    start_scripted(desktop, "train_gpt", "many done")
    until_ended(qtbot, desktop, "train_gpt")
    assert desktop.window.pages[GPT].chart.points("loss")[-1][0] == 19_999


def test_another_experiment_has_its_own_states(qtbot, open_desktop):
    desktop = open_desktop(scripted=True)
    start_scripted(desktop, "train_gpt", "done")
    until_ended(qtbot, desktop, "train_gpt")
    line = desktop.window.project_bar.findChild(QLineEdit)
    line.setText("第二 voice")
    line.editingFinished.emit()
    assert desktop.board.project.experiment == "第二 voice"
    assert desktop.window.pages[GPT].badge.text() == "Not started"


def test_labels_are_edited_saved_with_a_copy_and_handed_on(qtbot, open_desktop, folder):
    desktop = open_desktop(scripted=True)
    page = desktop.window.pages[LABEL]
    speech(folder / "a.wav", 2)
    old = "a.wav|me|EN|Wrong.\nbroken line\nb.wav|me|en|Second.\n"
    path = folder / "标签.list"
    path.write_text(old, encoding="utf-8")
    page.path.set_text(str(path))
    assert "Line 2" in page.problems.toPlainText()
    assert page.model.is_missing(1)
    desktop.window.tabs.setCurrentIndex(LABEL)
    qtbot.waitUntil(lambda: page.clip.wave.duration_s > 0, timeout=WAIT_MS)
    page.model.setData(page.model.index(0, Column.TEXT), "Right now.")
    assert page.dirty
    desktop.window.activateWindow()
    qtbot.waitUntil(desktop.window.isActiveWindow)
    qtbot.keyClick(page.table, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    assert not page.dirty
    assert [row.text for row in read_labels(path).rows] == ["Right now.", "Second."]
    assert "broken line" in path.read_text(encoding="utf-8")
    assert path.with_name("标签.list.bak").read_text(encoding="utf-8") == old
    assert desktop.window.pages[PREPARE].form.values()["labels"] == str(path)
    assert page.badge.text() == "Done"


def test_a_label_that_the_file_cannot_keep_is_refused_and_nothing_changes(qtbot, open_desktop, folder):
    desktop = open_desktop(scripted=True)
    page = desktop.window.pages[LABEL]
    path = folder / "a.list"
    path.write_text("a.wav|me|en|Fine.\n", encoding="utf-8")
    page.path.set_text(str(path))
    for column, text in ((Column.TEXT, "a|b"), (Column.TEXT, " "), (Column.LANGUAGE, "klingon")):
        assert not page.model.setData(page.model.index(0, column), text)
    assert not page.dirty
    assert page.model.rows[0].text == "Fine."


def test_closing_saves_labels_and_asks_when_that_fails(qtbot, open_desktop, folder, monkeypatch):
    desktop = open_desktop(scripted=True)
    page = desktop.window.pages[LABEL]
    path = folder / "a.list"
    path.write_text("a.wav|me|en|Old.\n", encoding="utf-8")
    page.path.set_text(str(path))
    page.model.setData(page.model.index(0, Column.TEXT), "New.")
    copy = folder / "a.list.bak"
    copy.mkdir()  # the copy of the old file cannot be written
    answers = [QMessageBox.StandardButton.Cancel]
    monkeypatch.setattr(QMessageBox, "question", lambda *_: answers.pop(0))
    assert not desktop.window.close()
    copy.rmdir()
    assert desktop.window.close()
    assert read_labels(path).rows[0].text == "New."


def test_closing_with_running_jobs_asks_and_leaves_no_process(qtbot, open_desktop, monkeypatch):
    desktop = open_desktop(scripted=True)
    job = start_scripted(desktop, "train_gpt", "wait")
    qtbot.waitUntil(lambda: job.progress is not None, timeout=WAIT_MS)
    answers = [QMessageBox.StandardButton.Cancel, QMessageBox.StandardButton.Close]
    monkeypatch.setattr(QMessageBox, "question", lambda *_: answers.pop(0))
    assert not desktop.window.close()
    assert desktop.window.close()
    assert not desktop.queue._workers


def test_forms_are_kept_when_the_window_closes(qtbot, open_desktop, folder):
    desktop = open_desktop(scripted=True)
    desktop.window.pages[SPEAK].text.setPlainText("Remember me.")
    desktop.window.pages[SOVITS].form.set_values({"batch_size": 3})
    assert desktop.window.close()
    project = open_project(desktop.board.project.root)
    assert project.values("speak")["text"] == "Remember me."
    assert project.values("train_sovits")["batch_size"] == 3


def test_another_workspace_shows_its_own_values(qtbot, open_desktop, folder):
    desktop = open_desktop(scripted=True)
    desktop.window.pages[SLICE].form.set_values({"input": str(folder)})
    desktop.window._open_folder(str(folder / "other"))
    values = desktop.window.pages[SLICE].form.values()
    assert "input" not in values
    assert Path(values["output"]).is_relative_to(folder / "other")
    assert (folder / "other" / "project.gsv.json").is_file()


def test_the_log_goes_to_the_workspace(qtbot, open_desktop):
    desktop = open_desktop(scripted=True)
    start_scripted(desktop, "slice", "garbage failed")
    until_ended(qtbot, desktop, "slice")
    desktop.close()
    text = desktop.board.project.log_file.read_text(encoding="utf-8")
    assert "x.wav is silent." in text
    assert "not json" in text


def test_every_control_can_be_named_by_a_screen_reader(qtbot, open_desktop):
    desktop = open_desktop(scripted=True)
    for page in desktop.window.pages:
        for kind in (QAbstractButton, QLineEdit, QComboBox):
            for control in page.findChildren(kind):
                inner = control.objectName().startswith("qt_") or isinstance(control.parent(), QComboBox)
                named = control.accessibleName() or (isinstance(control, QAbstractButton) and control.text())
                assert named or inner, (page.title, control, control.parent())


@pytest.mark.parametrize("keys", ["1", "4", "7"])
def test_control_and_a_number_opens_a_page(qtbot, open_desktop, keys):
    desktop = open_desktop(scripted=True)
    action = next(
        action
        for action in desktop.window.findChildren(QAction)
        if action.shortcut().toString() == f"Ctrl+{keys}"
    )
    action.trigger()
    assert desktop.window.tabs.currentIndex() == int(keys) - 1


def test_control_and_enter_speaks_with_the_text_of_the_page(qtbot, open_desktop, folder):
    desktop = open_desktop(scripted=True)
    desktop.window.tabs.setCurrentIndex(SPEAK)
    page = desktop.window.pages[SPEAK]
    for name in ("a.ckpt", "a.pth"):
        (folder / name).write_bytes(b"")
    page.voice.setCurrentIndex(page.voice.count() - 1)
    page.form.set_values(
        {
            "gpt": str(folder / "a.ckpt"),
            "sovits": str(folder / "a.pth"),
            "reference": str(speech(folder / "reference.wav", 4)),
        }
    )
    qtbot.waitUntil(lambda: page.reference.wave.duration_s > 0, timeout=WAIT_MS)
    assert "good length" in page._ruler.text()
    page.text.setPlainText("")
    page.start_button.click()
    assert "Text" in page.banner.text()
    page.text.setPlainText("Speak up.")
    desktop.window.activateWindow()
    qtbot.waitUntil(desktop.window.isActiveWindow)
    qtbot.keyClick(page.text, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    (job,) = desktop.queue.jobs
    assert job.values["text"] == "Speak up."
    assert job.values["gpt"] == str(folder / "a.ckpt")
    assert Path(job.values["out"]).is_relative_to(desktop.board.project.root)
    until_ended(qtbot, desktop, "speak")


def test_a_voice_without_a_reference_asks_for_one(qtbot, open_desktop, folder):
    desktop = open_desktop(scripted=True)
    root = desktop.board.project.root
    for path in (root / "GPT_weights_v2" / "me-e4.ckpt", root / "SoVITS_weights_v2" / "me_e4_s8.pth"):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"")
    page = desktop.window.pages[SPEAK]
    page.shown()
    page.voice.setCurrentText("me")
    page.start_button.click()
    assert "reference" in page.banner.text()
    assert desktop.queue.jobs == ()
    assert page.form_values()["gpt"] == str(root / "GPT_weights_v2" / "me-e4.ckpt")


def test_the_models_of_the_workspace_are_offered_and_voices_go_to_slicing(qtbot, open_desktop, folder):
    desktop = open_desktop()
    page = desktop.window.pages[SEPARATE]
    models = desktop.board.project.workspace.separation_models
    write_onnx(models / "my dereverb 名" / "vocals.onnx")
    page.form.set_values({"model": "typed"})
    page.shown()
    box = page.form.rows["model"].editor.findChild(QComboBox)
    assert [box.itemText(number) for number in range(box.count())] == ["my dereverb 名"]
    assert page.form.values()["model"] == "typed"
    page.form.set_values({"input": str(speech(folder / "song 録音.wav", 3)), "model": "my dereverb 名"})
    page.start_button.click()
    until_ended(qtbot, desktop, "separate")
    record = desktop.board.record("separate")
    assert record.state is WorkState.DONE, record
    page.shown()
    assert [path.name for path in page.clips.paths] == ["vocal_song 録音.wav.flac"]
    output = desktop.board.project.values("separate")["output"]
    assert desktop.window.pages[SLICE].form.values()["input"] == output
