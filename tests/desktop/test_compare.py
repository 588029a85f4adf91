"""The saves of a training are compared in the real window, by clicks; the real engine speaks."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox

from engine.protocol.auditions import audition_folder, write_audition
from engine.protocol.versions import version
from engine.protocol.voices import read_voice
from gsv_desktop.core.state import WorkState
from gsv_desktop.pages.train.actions import When
from tests.desktop.tabs import GPT, SOVITS, SPEAK
from tests.engine.audition.studio import make_studio
from tests.engine.protocol.test_auditions import report as audition_report

WAIT_MS = 240_000


@pytest.fixture
def studio(folder):
    return make_studio(folder, gpts=(5,))


@pytest.fixture
def comparing(open_desktop, studio):
    """The window on a trained experiment; the comparison of the SoVITS page is open."""
    desktop = open_desktop(studio.root)
    desktop.board.rename_experiment(studio.name)
    page = desktop.window.pages[SOVITS]
    page.form.set_values({"device": "cpu"})
    desktop.window.tabs.setCurrentIndex(SOVITS)
    page.views.setCurrentWidget(page.compare)
    return desktop, page.compare


def compare(qtbot, desktop, panel):
    qtbot.mouseClick(panel.start_button, Qt.MouseButton.LeftButton)
    job = desktop.board.job_of("audition")
    qtbot.waitUntil(lambda: job.state.ended, timeout=WAIT_MS)
    assert job.state is WorkState.DONE, job.outcome
    return job


def test_saves_are_heard_side_by_side_and_one_becomes_the_voice(qtbot, comparing, studio, monkeypatch):
    desktop, panel = comparing
    assert panel.start_button.isEnabled()
    assert "No save has been heard yet" in panel.words.text()
    panel.sentences.setPlainText("Hello.\n\n")
    compare(qtbot, desktop, panel)
    table = panel.table
    assert [table.horizontalHeaderItem(column).text().replace("★ ", "") for column in (0, 1)] == [
        "SoVITS epoch 4\nGPT epoch 5",
        "SoVITS epoch 8\nGPT epoch 5",
    ]
    assert [table.verticalHeaderItem(row).text() for row in (0, 1)] == ["Mean of all", "Hello."]
    stars = [table.horizontalHeaderItem(column).text().startswith("★") for column in (0, 1)]
    assert sum(stars) == 1
    assert table.currentColumn() == stars.index(True)
    assert "★ Recommended." in panel.words.text()
    assert "highest similarity" in panel.words.text()
    assert "alike" in table.cell(0, 0).figures.text()
    played = []
    monkeypatch.setattr(desktop.player, "play_file", played.append)
    qtbot.mouseClick(table.cell(0, 0).button, Qt.MouseButton.LeftButton)
    assert played == [studio.audition / "v2" / "sovits-e4-s20_gpt-e5" / "1.wav"]
    assert played[0].is_file()
    table.choose(0)
    assert panel.use_button.text() == "Use SoVITS 4 + GPT 5"
    qtbot.mouseClick(panel.use_button, Qt.MouseButton.LeftButton)
    voice = read_voice(studio.root / "voices" / studio.name / "voice.json")
    assert voice.sovits.samefile(studio.sovits[4])
    assert voice.gpt.samefile(studio.gpts[5])
    # It is chosen on the Speak page.
    desktop.window.tabs.setCurrentIndex(SPEAK)
    speak = desktop.window.pages[SPEAK]
    assert speak.voice.currentText() == voice.name
    assert speak.form_values()["voice"] == str(studio.root / "voices" / studio.name)
    # The other training's page shows the same comparison, and so does a window opened later.
    other = desktop.window.pages[GPT].compare
    desktop.window.tabs.setCurrentIndex(GPT)
    assert other.table.columnCount() == 2
    assert other.sentences.toPlainText() == "Hello."
    # A save that is gone cannot become the voice: it is said, and the card stays.
    shown = []
    monkeypatch.setattr("gsv_desktop.pages.train.compare.show_error", lambda _, error: shown.append(error))
    studio.sovits[4].unlink()
    qtbot.mouseClick(panel.use_button, Qt.MouseButton.LeftButton)
    assert "not there any more" in shown[0].message


def test_after_a_training_the_saves_are_heard_unless_that_is_not_wanted(qtbot, comparing, monkeypatch):
    desktop, panel = comparing
    started = []
    monkeypatch.setattr(
        desktop.board, "start", lambda stage, values, beside=False: started.append((stage, values, beside))
    )
    panel.weights_saved()
    assert started == []
    panel.training_ended()
    assert [(stage, beside) for stage, _, beside in started] == [("audition", False)]
    panel.when.setCurrentIndex(panel.when.findData(When.BESIDE.value))
    panel.when.activated.emit(panel.when.currentIndex())
    panel.weights_saved()
    stage, values, beside = started[-1]
    assert (stage, values["device"], beside) == ("audition", "cpu", True)
    panel.when.setCurrentIndex(panel.when.findData(When.ASKED.value))
    panel.training_ended()
    panel.weights_saved()
    assert len(started) == 2
    assert desktop.board.project.values("compare") == {"when": "beside"}


def test_without_both_kinds_of_weights_it_says_what_will_be_here(qtbot, comparing, studio):
    _, panel = comparing
    for path in studio.gpts.values():
        path.unlink()
    panel.shown()
    assert not panel.start_button.isEnabled()
    assert not panel.use_button.isVisible()
    assert "as soon as there is one of each" in panel.words.text()


def test_a_comparison_that_fails_says_why(qtbot, comparing, studio):
    desktop, panel = comparing
    for clip in studio.experiment.wav_folder.iterdir():
        clip.unlink()
    qtbot.mouseClick(panel.start_button, Qt.MouseButton.LeftButton)
    job = desktop.board.job_of("audition")
    qtbot.waitUntil(lambda: job.state.ended, timeout=WAIT_MS)
    assert job.state is WorkState.FAILED
    assert "there is no reference to speak with" in panel.words.text()
    assert "Choose a reference" in panel.words.text()


def test_space_is_freed_only_after_a_list_and_a_yes(qtbot, comparing, studio, monkeypatch):
    desktop, _ = comparing
    studio.save_sovits(12)
    page = desktop.window.pages[SOVITS]
    page.views.setCurrentIndex(0)
    page.shown()
    asked = []
    buttons = QMessageBox.StandardButton
    answers = [buttons.No, buttons.Yes]
    monkeypatch.setattr("gsv_desktop.pages.train.page.QInputDialog.getDouble", lambda *_: (0.0, True))
    monkeypatch.setattr(
        "gsv_desktop.pages.train.page.QMessageBox.question",
        lambda _parent, _title, text, *_: asked.append(text) or answers[len(asked) - 1],
    )
    qtbot.mouseClick(page.tidy_button, Qt.MouseButton.LeftButton)
    assert studio.sovits[4].is_file()
    assert studio.sovits[4].name in asked[0]
    assert " MB" in asked[0]
    going, staying = asked[0].split("stay:")
    assert studio.sovits[12].name not in going
    assert f"{studio.sovits[12].name} (the newest)" in staying
    qtbot.mouseClick(page.tidy_button, Qt.MouseButton.LeftButton)
    assert [path.name for path in page.weights.paths] == [studio.sovits[12].name]
    assert studio.gpts[5].is_file()


def test_saves_are_averaged_by_a_button_and_the_mean_is_a_voice_that_is_heard(qtbot, comparing, studio):
    desktop, panel = comparing
    page = desktop.window.pages[SOVITS]
    page.views.setCurrentIndex(0)
    page.shown()
    assert not page.average_button.isEnabled()
    page.weights.setCurrentIndex(page.weights.model().index(0, 0))
    assert not page.average_button.isEnabled()
    page.weights.selectAll()
    qtbot.mouseClick(page.average_button, Qt.MouseButton.LeftButton)
    job = desktop.board.job_of("average")
    assert not page.average_button.isEnabled()
    qtbot.waitUntil(lambda: job.state.ended, timeout=WAIT_MS)
    assert job.state is WorkState.DONE, job.outcome
    mean = studio.sovits[8].with_name(f"{studio.name}_e8_s40+4.pth")
    assert mean in page.weights.paths
    assert mean.name in page._heading.text()
    # It can be chosen on the Speak page.
    desktop.window.tabs.setCurrentIndex(SPEAK)
    speak = desktop.window.pages[SPEAK]
    names = [speak.voice.itemText(number) for number in range(speak.voice.count())]
    assert mean.stem in names
    speak.voice.setCurrentText(mean.stem)
    assert speak.form_values()["sovits"] == str(mean)
    # What was heard of it is shown beside the saves.
    folder = audition_folder(studio.experiment, version("v2"))
    for name, epoch, told in ((studio.sovits[4].name, 4, "4"), (mean.name, 8, "mean 8+4")):
        report = audition_report(epoch, 5, error=0.1).model_copy(update={"sovits": name})
        write_audition(folder / told, report)
        for line in report.lines:
            (folder / told / line.sound).write_bytes(b"")
    panel.shown()
    heads = [panel.table.horizontalHeaderItem(column).text() for column in range(panel.table.columnCount())]
    assert [head.replace("★ ", "") for head in heads] == [
        "SoVITS epoch 4\nGPT epoch 5",
        "SoVITS mean 8+4\nGPT epoch 5",
    ]
    panel.table.choose(1)
    assert panel.use_button.text() == "Use SoVITS mean 8+4 + GPT 5"
