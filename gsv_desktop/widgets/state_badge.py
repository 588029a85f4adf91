"""A state with its words: a shape and a text, not a colour alone."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QCoreApplication, QSize
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from engine.protocol.messages import Progress
from gsv_desktop.core.state import WorkState
from gsv_desktop.widgets.icons import state_icon

ICON: Final = QSize(16, 16)
_LONG_SILENCE_S: Final = 3.0


class StateBadge(QWidget):
    """Shows one WorkState."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon = QLabel(self)
        self._text = QLabel(self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self._icon)
        layout.addWidget(self._text)
        self.set_state(WorkState.NOT_STARTED)

    def set_state(self, state: WorkState) -> None:
        """Shows a state."""
        self._icon.setPixmap(state_icon(state).pixmap(ICON))
        self._text.setText(state_words(state))
        self.setAccessibleName(state_words(state))

    def text(self) -> str:
        """The words that are shown."""
        return self._text.text()


def state_words(state: WorkState) -> str:
    """A state in the language of the interface."""
    words = {
        WorkState.NOT_STARTED: QCoreApplication.translate("state", "Not started"),
        WorkState.QUEUED: QCoreApplication.translate("state", "Waiting for its turn"),
        WorkState.RUNNING: QCoreApplication.translate("state", "Running"),
        WorkState.DONE: QCoreApplication.translate("state", "Done"),
        WorkState.FAILED: QCoreApplication.translate("state", "Failed"),
        WorkState.CANCELLED: QCoreApplication.translate("state", "Stopped"),
    }
    return words[state]


def how_far(progress: Progress) -> str:
    """How far a job is and how long it will still take, for people."""
    parts = [f"{progress.done:g} / {progress.total:g} {progress.unit}", time_left(progress.eta_s)]
    if progress.silent_s >= _LONG_SILENCE_S:
        parts.append(QCoreApplication.translate("state", "still at it (%d s)") % progress.silent_s)
    return " · ".join(part for part in parts if part)


def time_left(seconds: float | None) -> str:
    """How long it will still take, for people; empty when nobody knows."""
    if seconds is None:
        return ""
    minute, hour = 60, 3600
    if seconds < minute:
        return QCoreApplication.translate("state", "%d s left") % max(1, round(seconds))
    if seconds < hour:
        return QCoreApplication.translate("state", "%d min left") % round(seconds / minute)
    return QCoreApplication.translate("state", "%.1f h left") % (seconds / hour)
