"""Colours and style sheet, light or dark as the system wants it."""

from __future__ import annotations

import json
from string import Template

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtGui import QColor, QIcon, QPalette
from PySide6.QtWidgets import QApplication

from engine.protocol.builtin import resource


class Theme(QObject):
    """Gives the application its colours, and others when the system changes between light and dark.

    The style sheet comes with `dress`: set before the window is built, every widget would be polished
    again at each step of the building, which doubles the time until the window is there.
    """

    def __init__(self, application: QApplication) -> None:
        super().__init__(application)
        self._application = application
        application.setStyle("Fusion")
        icon = resource("icons", "gsv.svg")
        if icon.is_file():
            application.setWindowIcon(QIcon(str(icon)))
        hints = application.styleHints()
        hints.colorSchemeChanged.connect(self._on_scheme_changed)
        self._colours: dict[str, str] = {}
        self.choose(dark=hints.colorScheme() is Qt.ColorScheme.Dark)

    def choose(self, *, dark: bool) -> None:
        """Takes the light or the dark colours."""
        table = resource("styles", "dark.json" if dark else "light.json")
        self._colours = json.loads(table.read_text(encoding="utf-8"))
        self._application.setPalette(palette(self._colours))

    def dress(self) -> None:
        """Puts the style sheet on, once the window is built."""
        sheet = resource("styles", "base.qss").read_text(encoding="utf-8")
        self._application.setStyleSheet(Template(sheet).substitute(self._colours))

    @Slot(Qt.ColorScheme)
    def _on_scheme_changed(self, scheme: Qt.ColorScheme) -> None:
        self.choose(dark=scheme is Qt.ColorScheme.Dark)
        self.dress()


def palette(colours: dict[str, str]) -> QPalette:
    """The Qt palette of a colour table."""
    role = QPalette.ColorRole
    made = QPalette()
    names = {
        role.Window: "window",
        role.WindowText: "text",
        role.Base: "base",
        role.AlternateBase: "alternate",
        role.Text: "text",
        role.PlaceholderText: "muted",
        role.Button: "button",
        role.ButtonText: "text",
        role.ToolTipBase: "base",
        role.ToolTipText: "text",
        role.Highlight: "accent",
        role.HighlightedText: "on_accent",
        role.Link: "accent",
        role.Mid: "border",
    }
    for part, name in names.items():
        made.setColor(part, QColor(colours[name]))
    for part in (role.WindowText, role.Text, role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, part, QColor(colours["disabled"]))
    return made
