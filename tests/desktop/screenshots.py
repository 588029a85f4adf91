"""Opens the real window on the sample project and saves a picture of every page.

Run: xvfb-run -s "-screen 0 1280x860x24" python -m tests.desktop.screenshots FOLDER [--size 1100x750]
[--dark] [--expert] [--worked] [--server]. With --worked the pages have done their work first: real workers
slice and transcribe the sample recording, and tiny networks with random weights train and speak. With
--server the local server is started from its menu (at a free port), and the screen is saved with the menu
open.
"""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
import time
from pathlib import Path

from PySide6.QtCore import QThreadPool
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from gsv_desktop.app import DesktopApp
from gsv_desktop.core.sample import open_sample
from gsv_desktop.core.settings import SettingsStore
from gsv_desktop.jobs.server import ServerState
from gsv_desktop.theme import Theme
from tests.desktop.tabs import GPT, SLICE, SOVITS, SPEAK, TRANSCRIBE
from tests.desktop.test_server_menu import launch_at

LIMIT_S = 300


def until(reached) -> None:
    end_s = time.monotonic() + LIMIT_S
    while not reached() and time.monotonic() < end_s:
        QTest.qWait(50)


def run_page(desktop: DesktopApp, number: int) -> None:
    page = desktop.window.pages[number]
    page.start_button.click()
    job = desktop.board.job_of(page.active_stage)
    until(lambda: job is None or job.state.ended)


def work(desktop: DesktopApp) -> None:
    """Slices, transcribes, trains until it is killed, and speaks."""
    from tests.engine.train.experiments import prepare
    from tests.speech_model import whisper_folder

    pages = desktop.window.pages
    run_page(desktop, SLICE)
    pages[TRANSCRIBE].form.set_values({"model": str(whisper_folder()), "language": "en"})
    run_page(desktop, TRANSCRIBE)
    with tempfile.TemporaryDirectory() as folder:
        made = prepare(Path(folder))
        target = desktop.board.project.root / "logs" / made.name
        target.parent.mkdir(exist_ok=True)
        made.experiment.folder.rename(target)
        desktop.board.rename_experiment(made.name)
        pages[GPT].form.set_values({"pretrained_gpt": str(made.gpt), "total_epochs": 40, "batch_size": 2})
        run_page(desktop, GPT)
        train_until_killed(desktop, made)
    run_page(desktop, SPEAK)


def train_until_killed(desktop: DesktopApp, made) -> None:
    page = desktop.window.pages[SOVITS]
    page.form.set_values(
        {
            "pretrained_generator": str(made.generator),
            "pretrained_discriminator": str(made.discriminator),
            "total_epochs": 400,
            "batch_size": 2,
        }
    )
    page.start_button.click()
    job = desktop.board.job_of("train_sovits")
    until(lambda: job.state.ended or (job.progress is not None and job.progress.done > 30))
    for worker in list(desktop.queue._workers):
        os.kill(worker.pid, signal.SIGKILL)
    until(lambda: job.state.ended)


def show_pages(desktop: DesktopApp, folder: Path) -> None:
    for number, page in enumerate(desktop.window.pages):
        desktop.window.tabs.setCurrentIndex(number)
        QTest.qWait(600)
        QThreadPool.globalInstance().waitForDone(10_000)
        QTest.qWait(200)
        name = page.title.lower().replace(" ", "_")
        desktop.window.grab().save(str(folder / f"{number + 1}_{name}.png"))


def show_server(desktop: DesktopApp, folder: Path) -> None:
    """The whole screen: a menu is a window of its own."""
    menu, server = desktop.window.server_menu, desktop.server
    server._launch = launch_at("--port", "0")
    menu.switch.trigger()
    until(lambda: server.state is ServerState.ON)
    bar = desktop.window.menuBar()
    corner = bar.actionGeometry(menu.menuAction()).bottomLeft()
    menu.popup(bar.mapToGlobal(corner))
    QTest.qWait(300)
    desktop.window.screen().grabWindow(0).save(str(folder / "server_menu.png"))
    menu.hide()
    menu.switch.trigger()
    until(lambda: server.state is ServerState.OFF)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", default="1100x750")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--expert", action="store_true")
    parser.add_argument("--worked", action="store_true")
    parser.add_argument("--server", action="store_true")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    application = QApplication([])
    theme = Theme(application)
    theme.choose(dark=options.dark)
    width, height = (int(part) for part in options.size.split("x"))
    with tempfile.TemporaryDirectory() as home:
        project = open_sample(Path(home) / "GSV Sample")
        if options.worked:
            from tests.engine.infer.voices import make_voice

            make_voice(project.root / "voices" / "tiny")
        settings = SettingsStore(Path(home) / "settings.json")
        settings.change(expert=options.expert)
        desktop = DesktopApp(project, settings)
        theme.dress()
        desktop.window.resize(width, height)
        desktop.window.show()
        if options.worked:
            work(desktop)
        if options.server:
            show_server(desktop, options.folder)
        show_pages(desktop, options.folder)
        desktop.window.hide()
        desktop.close()


if __name__ == "__main__":
    main()
