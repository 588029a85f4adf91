"""A line of the job list."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QWidget

from gsv_desktop.core.state import WorkState
from gsv_desktop.widgets.state_badge import StateBadge

PERMILLE: Final = 1000


class JobRow(QFrame):
    """Shows one job.

    Signals:
        chosen: the user wants to see its log.
        cancel_asked: the user wants it to stop.
        retry_asked: the user wants it again.
    """

    chosen = Signal()
    cancel_asked = Signal()
    retry_asked = Signal()

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = title
        self._title = QLabel(title, self)
        self._title.setProperty("role", "heading")
        self._badge = StateBadge(self)
        self._bar = QProgressBar(self)
        self._bar.setRange(0, PERMILLE)
        self._bar.setMinimumWidth(110)
        self._bar.setAccessibleName(self.tr("Progress of %s") % title)
        self._words = QLabel(self)
        self._words.setProperty("role", "muted")
        self._words.setTextFormat(Qt.TextFormat.PlainText)
        self._words.setWordWrap(True)
        self._words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._cancel = QPushButton(self.tr("Stop"), self)
        self._cancel.setAccessibleName(self.tr("Stop %s") % title)
        self._cancel.clicked.connect(self.cancel_asked)
        self._retry = QPushButton(self.tr("Start again"), self)
        self._retry.setAccessibleName(self.tr("Start %s again") % title)
        self._retry.clicked.connect(self.retry_asked)
        self._log = QPushButton(self.tr("Log"), self)
        self._log.setAccessibleName(self.tr("Log of %s") % title)
        self._log.clicked.connect(self.chosen)
        grid = QGridLayout(self)
        grid.setContentsMargins(8, 6, 8, 6)
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(2)
        grid.addWidget(self._title, 0, 0)
        grid.addWidget(self._badge, 0, 1)
        grid.addWidget(self._bar, 0, 2)
        grid.addWidget(self._cancel, 0, 3)
        grid.addWidget(self._retry, 0, 3)
        grid.addWidget(self._log, 0, 4)
        grid.addWidget(self._words, 1, 0, 1, 5)
        grid.setColumnStretch(2, 1)
        self.setProperty("role", "banner")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def show_state(self, state: WorkState, words: str, *, fraction: float | None, stopping: bool) -> None:
        """Shows where the job stands.

        Args:
            state: its state.
            words: what is to be said about it.
            fraction: share that is done, 0 to 1; None while it is not known.
            stopping: whether it was asked to stop.
        """
        self._badge.set_state(state)
        self._words.setText(words)
        self._words.setVisible(bool(words))
        self._bar.setVisible(state is WorkState.RUNNING)
        if fraction is None:
            self._bar.setRange(0, 0)
        else:
            self._bar.setRange(0, PERMILLE)
            self._bar.setValue(round(fraction * PERMILLE))
        self._cancel.setVisible(state.active)
        self._cancel.setEnabled(not stopping)
        self._retry.setVisible(state in (WorkState.FAILED, WorkState.CANCELLED))
        self.setAccessibleName(f"{self._name}: {self._badge.text()}. {words}")

    def words(self) -> str:
        """What it says about the job."""
        return self._words.text()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click on the row shows its log."""
        self.chosen.emit()
        super().mousePressEvent(event)
