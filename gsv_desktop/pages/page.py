"""What all pages have in common."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from gsv_desktop.core.state import WorkState
from gsv_desktop.pages.services import Services
from gsv_desktop.widgets.banner import Banner
from gsv_desktop.widgets.state_badge import StateBadge


class Page(QWidget):
    """A title with its state, a body, a banner and a row of buttons.

    Attributes:
        stage: Name of the stage whose state the tab shows.
        title: Name for people.
    """

    stage = ""
    title = ""

    def __init__(self, services: Services, title: str, about: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.services = services
        self.title = title
        heading = QLabel(title, self)
        heading.setProperty("role", "title")
        explanation = QLabel(about, self)
        explanation.setProperty("role", "muted")
        explanation.setWordWrap(True)
        self.badge = StateBadge(self)
        self.banner = Banner(self)
        head = QHBoxLayout()
        head.setSpacing(14)
        head.addWidget(heading)
        head.addWidget(explanation, 1)
        head.addWidget(self.badge)
        self.body = QVBoxLayout()
        self.buttons = QHBoxLayout()
        self.buttons.setSpacing(8)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 10, 16, 10)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addLayout(self.body, 1)
        layout.addWidget(self.banner)
        layout.addLayout(self.buttons)
        self.setAccessibleName(title)

    @property
    def active_stage(self) -> str:
        """The stage that the page would start now."""
        return self.stage

    def state(self) -> WorkState:
        """Where the page's stage stands."""
        return self.services.board.record(self.active_stage).state

    def shown(self) -> None:
        """The page comes to the front: it looks at the disk again."""

    def save_form(self) -> None:
        """Keeps what stands in the forms."""
