"""The page that sets voices apart: it offers the models that are there."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from engine.protocol.separation_models import separation_models
from engine.protocol.stages.cleaning import SEPARATE
from gsv_desktop.pages.clips.page import ClipsPage
from gsv_desktop.pages.services import Services
from gsv_desktop.widgets.editors import TextEditor


class SeparatePage(ClipsPage):
    """As for other recordings, with the user's own models to choose from."""

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        self._board = services.board
        super().__init__(services, SEPARATE, parent)

    def look(self) -> None:
        """Looks for models too."""
        super().look()
        found = separation_models(self._board.project.workspace.separation_models)
        editor = self.form.rows["model"].editor
        if found and isinstance(editor, TextEditor):
            editor.set_choices(tuple(found))
