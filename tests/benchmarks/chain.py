"""Seconds of every stage: `python -m tests.benchmarks.chain [--seconds 60] [--window]`.

The beginning of the sample recording is cut, transcribed, checked and prepared with `python -m engine run`,
a process for each stage; then everything again, when there is nothing left to do. With `--window` the real
window is opened on the sample project, the whole recording in it, and its buttons are clicked.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from engine.protocol.launch import worker_environment
from tests.contract.chain import Chain
from tests.speech_model import whisper_folder


def run_stage(stage: str, parameters: dict[str, object]) -> tuple[float, str]:
    """Seconds of a stage, and what it says of its outcome."""
    command = [sys.executable, "-m", "engine", "run", stage, "--params", "-"]
    begun = time.perf_counter()
    done = subprocess.run(
        command,
        input=json.dumps(parameters).encode("utf-8"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=worker_environment(),
        check=True,
    )
    end = json.loads(done.stdout.splitlines()[-1])
    return time.perf_counter() - begun, str(end["result"]["numbers"])


def through_the_window() -> None:
    """Prints the table of the window, offscreen, on the sample project."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtWidgets import QApplication

    from gsv_desktop.app import DesktopApp
    from gsv_desktop.core.sample import open_sample
    from gsv_desktop.core.settings import SettingsStore
    from tests.desktop.chain import set_up, walk

    application = QApplication([])
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        desktop = DesktopApp(open_sample(home / "用户 it's 名"), SettingsStore(home / "settings.json"))
        desktop.window.show()
        set_up(desktop, whisper_folder())
        sys.stdout.write("| stage, in the window | s | outcome |\n|---|---|---|\n")
        for again in ("", ", again"):
            for one in walk(desktop):
                sys.stdout.write(f"| {one.stage}{again} | {one.seconds:.1f} | {one.result.numbers} |\n")
                sys.stdout.flush()
        desktop.window.hide()
        desktop.close()
    application.processEvents()


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="of the recording")
    parser.add_argument("--window", action="store_true", help="by clicks in the window, the whole recording")
    given = parser.parse_args()
    if given.window:
        through_the_window()
        return
    with tempfile.TemporaryDirectory() as name:
        chain = Chain(Path(name), whisper_folder())
        chain.write_recording(given.seconds)
        sys.stdout.write("| stage | s | outcome |\n|---|---|---|\n")
        for again in ("", ", again"):
            for stage, parameters in chain.stages.items():
                seconds, outcome = run_stage(stage, parameters)
                sys.stdout.write(f"| {stage}{again} | {seconds:.1f} | {outcome} |\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
