"""A frame that says how a stage ended and what to do."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from gsv_desktop.core.state import WorkState
from gsv_desktop.widgets.icons import state_icon
from gsv_desktop.widgets.state_badge import ICON


class Banner(QFrame):
    """Hidden while there is nothing to say.

    Signals:
        details_asked: the user wants the details.
    """

    details_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon = QLabel(self)
        self._message = QLabel(self)
        self._message.setWordWrap(True)
        self._message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._hint = QLabel(self)
        self._hint.setWordWrap(True)
        self._details = QPushButton(self.tr("Details …"), self)
        self._details.clicked.connect(self.details_asked)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._message)
        words.addWidget(self._hint)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 6, 10, 6)
        layout.setSpacing(10)
        layout.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(words, 1)
        layout.addWidget(self._details, 0, Qt.AlignmentFlag.AlignVCenter)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.hide()

    def clear(self) -> None:
        """Says nothing."""
        self.hide()

    def say(self, state: WorkState, message: str, hint: str = "", *, details: bool = False) -> None:
        """Says how it went."""
        self._icon.setPixmap(state_icon(state).pixmap(ICON))
        self._message.setText(message)
        self._hint.setText(hint)
        self._hint.setVisible(bool(hint))
        self._details.setVisible(details)
        self.setProperty("role", "fault-banner" if state is WorkState.FAILED else "banner")
        self.style().polish(self)
        self.setAccessibleName(f"{message} {hint}".strip())
        self.setVisible(bool(message))

    def text(self) -> str:
        """What it says; empty when it is hidden."""
        return f"{self._message.text()} {self._hint.text()}".strip() if not self.isHidden() else ""
