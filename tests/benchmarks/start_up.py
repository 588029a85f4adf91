"""How soon the window is there: `python -m tests.benchmarks.start_up [--rounds N]`.

Compares, in one run and turn by turn, three processes: Python with an empty Qt window, our window on a
new project, and the same with an engine that is imported too (what keeping torch out saves). Prints the
best time of each from process start to the painted window, and the ratios.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EMPTY = """
from PySide6.QtWidgets import QApplication, QMainWindow
application = QApplication([])
window = QMainWindow()
window.show()
application.processEvents()
"""
OURS = """
import sys
from pathlib import Path
import gsv_desktop.app
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
print("painted", flush=True)
desktop.close()
"""
CASES = {
    "empty Qt window": EMPTY + "print('painted', flush=True)\n",
    "our window": OURS,
    "our window beside torch": "import torch, transformers\n" + OURS,
}


def painted_after_s(code: str) -> float:
    """Seconds from the start of a process to its painted window."""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-c", code, folder],
            stdout=subprocess.PIPE,
            env={"QT_QPA_PLATFORM": "offscreen", **os.environ, "HOME": folder},
            cwd=Path(__file__).parent.parent.parent,
        ) as process:
            assert process.stdout is not None
            while process.stdout.readline().strip() != b"painted":
                if process.poll() is not None:
                    sys.exit("the window did not come")
            taken_s = time.perf_counter() - begun
            process.wait()
    return taken_s


def main() -> None:
    """Prints a line for each case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    best = dict.fromkeys(CASES, float("inf"))
    for _ in range(rounds):
        for name, code in CASES.items():
            best[name] = min(best[name], painted_after_s(code))
    ours = best["our window"]
    for name, taken_s in best.items():
        sys.stdout.write(f"{name}: {taken_s:.2f} s, {taken_s / ours:.2f} of our window\n")


if __name__ == "__main__":
    main()
