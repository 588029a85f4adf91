"""The menu that starts and stops the local server, and shows where it listens."""

from __future__ import annotations

from PySide6.QtCore import QUrl, Slot
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QLabel, QMenu, QWidget

from engine.protocol.errors import EngineError
from gsv_desktop.errors import show_error
from gsv_desktop.jobs.server import ServerState
from gsv_desktop.pages.services import Services


class ServerMenu(QMenu):
    """Off until the user starts it; ends with the window, and with the workspace that it serves.

    Attributes:
        badge: The address, for the status bar; hidden while there is none.
    """

    def __init__(self, services: Services, parent: QWidget) -> None:
        super().__init__(parent)
        self.setTitle(self.tr("&Server"))
        self.setToolTipsVisible(True)
        self._services = services
        self._server = services.server
        self.badge = QLabel(parent)
        self.badge.setAccessibleName(self.tr("Address of the local server"))
        self.switch = self.addAction(self.tr("&Let other programs speak with your voices"), self._on_switch)
        self.switch.setCheckable(True)
        self.switch.setToolTip(
            self.tr("Starts a server that only programs on this computer can reach, at port 9874.")
        )
        self.addSeparator()
        self.open = self.addAction(self.tr("&Open its page in the browser"), self._on_open)
        self.copy = self.addAction(self.tr("&Copy its address"), self._on_copy)
        self._server.changed.connect(self._show)
        self._server.failed.connect(self._on_failed)
        services.board.project_opened.connect(self._server.stop)
        self._show()

    @Slot()
    def _show(self) -> None:
        state, address = self._server.state, self._server.address
        words = {
            ServerState.OFF: "",
            ServerState.STARTING: self.tr("Server is starting …"),
            ServerState.ON: self.tr("Server: %s") % address,
            ServerState.STOPPING: self.tr("Server is stopping …"),
        }
        self.switch.setChecked(state in (ServerState.STARTING, ServerState.ON))
        self.switch.setEnabled(state is not ServerState.STOPPING)
        self.open.setEnabled(bool(address))
        self.copy.setEnabled(bool(address))
        self.badge.setText(words[state])
        self.badge.setVisible(bool(words[state]))

    @Slot()
    def _on_switch(self) -> None:
        if self._server.state is ServerState.OFF:
            self._server.start(self._services.board.project.root)
        else:
            self._server.stop()

    @Slot()
    def _on_open(self) -> None:
        QDesktopServices.openUrl(QUrl(self._server.address))

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self._server.address)

    @Slot(object)
    def _on_failed(self, error: EngineError) -> None:
        show_error(self.parentWidget(), error)
