"""Pages of the window that the server opens for a caller, where there is a display."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from engine.protocol.errors import EngineError
from engine.protocol.launch import page_request, window_command, worker_environment

SETTLED_S: Final = 3.0
"""A window that ends within this time did not open."""
_DISPLAYS: Final = ("DISPLAY", "WAYLAND_DISPLAY")


def ask_parent(page: str, labels: Path | None) -> None:
    """Asks the window that started this server for a page."""
    sys.stdout.write(f"{page_request(page, labels)}\n")
    sys.stdout.flush()


class WindowFailed(EngineError):
    """The window did not open."""

    code = "window_failed"


class Windows:
    """The windows that were opened, one for a page. They belong to the user: the server's end leaves them.

    Args:
        workspace: The workspace that they show.
        command: Program and arguments for a workspace, a page and a label file.
        environment: Where a display is named.
        ask: Asks the window that is there already for a page; None where there is none.
    """

    def __init__(
        self,
        workspace: Path,
        command: Callable[[Path, str, Path | None], list[str]] = window_command,
        environment: Mapping[str, str] = os.environ,
        ask: Callable[[str, Path | None], None] | None = None,
    ) -> None:
        self._workspace = workspace.absolute()
        self._command = command
        self._environment = environment
        self._ask = ask
        self._lock = threading.Lock()
        self._open: dict[str, subprocess.Popen[bytes]] = {}

    def open(self, page: str, labels: Path | None = None) -> str:
        """Opens the window on a page; without a display, says how to do it.

        Raises:
            WindowFailed: the program ended at once.
        """
        if self._ask is not None:
            self._ask(page, labels)
            return "The window shows the page."
        command = self._command(self._workspace, page, labels)
        if not self._has_display():
            return (
                "This machine has no display. On a machine with one, this opens the page: "
                f"{subprocess.list2cmdline(command)}"
            )
        with self._lock:
            process = subprocess.Popen(
                command, env=worker_environment(), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            try:
                code = process.wait(SETTLED_S)
            except subprocess.TimeoutExpired:
                self._open[page] = process
                return f"The page was opened (process {process.pid})."
        raise WindowFailed(
            f"The window ended at once (exit code {code}).",
            hint=f"Start it by hand to see why: {subprocess.list2cmdline(command)}",
        )

    def close(self, page: str) -> bool:
        """Closes the window that was opened on a page; False when there is none any more."""
        with self._lock:
            process = self._open.pop(page, None)
        if process is None or process.poll() is not None:
            return False
        process.terminate()
        process.wait()
        return True

    def _has_display(self) -> bool:
        if sys.platform in ("win32", "darwin"):
            return True
        return any(self._environment.get(name) for name in _DISPLAYS)
