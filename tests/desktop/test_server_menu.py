"""The window starts and stops the real server, and says what keeps it from starting."""

import socket

import httpx
import pytest
from PySide6.QtGui import QGuiApplication

from engine.protocol.launch import engine_command, worker_environment
from gsv_desktop.jobs.launch import Launch
from gsv_desktop.jobs.server import LocalServer, ServerState

WAIT_MS = 60_000


def launch_at(*more):
    """The server as the window starts it, but at another port."""

    def launch(folder):
        program, *arguments = engine_command(
            "serve", "--with-parent", "--speech-only", "--workspace", str(folder), *more
        )
        return Launch(
            program=program, arguments=tuple(arguments), environment=worker_environment(), folder=folder
        )

    return launch


def test_a_port_that_is_taken_is_told(qtbot, folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = LocalServer(launch=launch_at("--port", str(port)))
        with qtbot.waitSignal(server.failed, timeout=WAIT_MS) as failed:
            server.start(folder)
    assert f"port {port}" in failed.args[0].message
    assert server.state is ServerState.OFF


def test_a_program_that_is_not_there_is_told(qtbot, folder):
    server = LocalServer(launch=lambda _: Launch(program=str(folder / "nothing")))
    with qtbot.waitSignal(server.failed, timeout=WAIT_MS):
        server.start(folder)
    assert server.state is ServerState.OFF


def test_the_menu_starts_and_stops_it_and_shows_the_address(qtbot, open_desktop, folder):
    desktop = open_desktop(scripted=True)
    menu, server = desktop.window.server_menu, desktop.server
    server._launch = launch_at("--port", "0")
    assert not menu.switch.isChecked()
    assert not menu.open.isEnabled()
    menu.switch.trigger()
    assert menu.badge.text() == "Server is starting …"
    qtbot.waitUntil(lambda: server.state is ServerState.ON, timeout=WAIT_MS)
    address = server.address
    assert address in menu.badge.text()
    assert httpx.get(f"{address}health").status_code == 200
    assert menu.switch.isChecked()
    menu.copy.trigger()
    assert QGuiApplication.clipboard().text() == server.address
    menu.switch.trigger()
    qtbot.waitUntil(lambda: server.state is ServerState.OFF, timeout=WAIT_MS)
    assert menu.badge.text() == ""
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address}health")
