"""The window over the real engine, with networks so small that they learn and speak in seconds."""

import os
import signal

import pytest
import soundfile
from PySide6.QtCore import Qt

from gsv_desktop.core.state import WorkState
from gsv_desktop.widgets.player import PlayerState
from tests.desktop.tabs import GPT, SPEAK
from tests.engine.infer.voices import make_voice
from tests.engine.train.experiments import prepare

WAIT_MS = 120_000


@pytest.fixture
def speaking(open_desktop, folder):
    """The window on a workspace with a tiny voice; the Speak page is open."""
    workspace = folder / "workspace"
    make_voice(workspace / "voices" / "小声")
    desktop = open_desktop(workspace)
    desktop.window.tabs.setCurrentIndex(SPEAK)
    page = desktop.window.pages[SPEAK]
    page.voice.setCurrentText("小声 it's")
    page.form.set_values({"seed": 1})
    return desktop, page


def speak(qtbot, desktop, page, text: str):
    page.text.setPlainText(text)
    page.start_button.click()
    job = desktop.board.job_of("speak")
    qtbot.waitUntil(lambda: job.state.ended, timeout=WAIT_MS)
    assert job.state is WorkState.DONE, job.outcome
    return job


def test_speech_comes_while_it_is_made_becomes_a_take_and_can_be_saved(qtbot, speaking, folder, monkeypatch):
    desktop, page = speaking
    fed = []
    monkeypatch.setattr(desktop.player, "start_live", fed.append)
    monkeypatch.setattr(desktop.player, "feed", lambda pcm: fed.append(len(pcm) // 2))
    qtbot.waitUntil(lambda: page.reference.wave.duration_s > 0, timeout=WAIT_MS)
    assert "3.5 s" in page._ruler.text()
    speak(qtbot, desktop, page, "First sentence. Second sentence.")
    qtbot.waitUntil(lambda: page.result.wave.duration_s > 0, timeout=WAIT_MS)
    rate_hz, *chunks = fed
    take = page.result.path
    info = soundfile.info(take)
    assert info.samplerate == rate_hz
    assert sum(chunks) == info.frames
    assert len(chunks) > 1
    assert page.takes.count() == 1
    pid = desktop.queue.speech_pid
    speak(qtbot, desktop, page, "Again.")
    assert desktop.queue.speech_pid == pid
    assert page.takes.count() == 2
    page.takes.setCurrentRow(1)
    assert page.result.path == take
    target = folder / "saved 声.wav"
    monkeypatch.setattr(
        "gsv_desktop.pages.speak.page.QFileDialog.getSaveFileName", lambda *_: (str(target), "")
    )
    page.save_button.click()
    assert target.read_bytes() == take.read_bytes()


def test_speech_without_a_sound_output_is_still_made(qtbot, speaking):
    desktop, page = speaking
    desktop.player._device = "no such device"
    speak(qtbot, desktop, page, "Hello.")
    assert desktop.player.state is PlayerState.IDLE
    assert "cannot be played" in page.result._notice.text()
    assert "made all the same" in page.result._notice.text()
    assert page.takes.count() == 1


def test_training_that_is_killed_is_told_and_goes_on_when_started_again(
    qtbot, open_desktop, folder, monkeypatch
):
    made = prepare(folder)
    desktop = open_desktop(made.workspace)
    desktop.board.rename_experiment(made.name)
    desktop.window.tabs.setCurrentIndex(GPT)
    page = desktop.window.pages[GPT]
    page.form.set_values(
        {
            "pretrained_gpt": str(made.gpt),
            "device": "cpu",
            "batch_size": 2,
            "total_epochs": 300,
            "save_every_epochs": 300,
            "state_every_steps": 5,
        }
    )
    page.start_button.click()
    job = desktop.board.job_of("train_gpt")
    qtbot.waitUntil(lambda: job.progress is not None and job.progress.done > 20, timeout=WAIT_MS)
    (worker,) = desktop.queue._workers
    os.kill(worker.pid, signal.SIGKILL)
    qtbot.waitUntil(lambda: job.state.ended, timeout=WAIT_MS)
    assert "ended from outside (signal 9)" in page.banner.text()
    assert "goes on where it was" in page.banner.text()
    reached = job.progress.done
    assert page.chart.points("loss")
    desktop.queue.retry(job)
    qtbot.waitUntil(lambda: job.progress is not None, timeout=WAIT_MS)
    assert job.progress.done > reached - 15
    desktop.queue.cancel(job)
    qtbot.waitUntil(lambda: job.state.ended, timeout=WAIT_MS)
    assert job.state is WorkState.CANCELLED
    assert page.badge.text() == "Stopped"
    # Fewer epochs than are done: it asks how far to go on, before anything starts.
    asked = []

    def answer(_parent, title, label, proposed, least, _most):
        asked.append((title, label))
        return (least, len(asked) > 1) if proposed >= least else (0, False)

    monkeypatch.setattr("gsv_desktop.pages.train.page.QInputDialog.getInt", answer)
    page.form.set_values({"total_epochs": 1})
    qtbot.mouseClick(page.start_button, Qt.MouseButton.LeftButton)
    assert desktop.board.job_of("train_gpt") is job
    qtbot.mouseClick(page.start_button, Qt.MouseButton.LeftButton)
    again = desktop.board.job_of("train_gpt")
    assert again is not job
    title, label = asked[0]
    assert title.startswith("Already at epoch ")
    assert "Continue to how many epochs in all?" in label
    qtbot.waitUntil(lambda: again.state.ended, timeout=WAIT_MS)
    assert again.state is WorkState.DONE, again.outcome
    # A window that is opened later shows the whole training again.
    steps = [step for step, _ in page.chart.points("loss")]
    assert steps == sorted(set(steps))
    assert steps[-1] == again.progress.done
    later = open_desktop(made.workspace)
    later.board.rename_experiment(made.name)
    later.window.tabs.setCurrentIndex(GPT)
    assert [step for step, _ in later.window.pages[GPT].chart.points("loss")] == steps
    assert "speed, steps a second" in later.window.pages[GPT].chart.shown_axes()
