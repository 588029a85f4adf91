"""Listens for callers, with patience for none of them, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from engine.api.app import make_app
from engine.api.guard import ABORT, Application, Message, Receive, Send
from engine.api.settings import ServerSettings
from engine.protocol.errors import BadParameters

log = logging.getLogger(__name__)

KEEP_ALIVE_S: Final = 5
SHUT_DOWN_S: Final = 5
_LARGEST_HEAD: Final = 32 * 1024
Announce = Callable[[str], None]


def listen(settings: ServerSettings, announce: Announce, *, with_parent: bool = False) -> None:
    """Serves until Ctrl+C, a command, or the parent's end.

    Args:
        settings: Where, for whom, and what.
        announce: Gets the address once callers can come.
        with_parent: Whether to stop when standard input ends, as it does when the parent is gone.

    Raises:
        BadParameters: the address cannot be listened at.
        MissingModel: a library is not installed.
    """
    restart = True
    while restart:
        with open_socket(settings) as listener:
            server = _make_speaking_server(replace(settings, port=listener.getsockname()[1]), announce)
            if with_parent:
                threading.Thread(target=_watch_parent, args=(server,), daemon=True).start()
            server.run(sockets=[listener])
            restart = server.restart


class Server(uvicorn.Server):
    """Uvicorn's server, which says when it is ready and can be told to start anew.

    Attributes:
        restart: Whether it ended in order to be started again.
    """

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self.restart = False
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts, and says so."""
        await super().startup(sockets)
        if self.started:
            self._ready()

    def control(self, command: str) -> None:
        """Ends the server after the answers that are on their way; `restart` starts it again."""
        self.restart = command == "restart"
        self.should_exit = True


class PatientProtocol(H11Protocol):
    """A connection that is closed when the head of a request takes too long.

    The time runs from the connection, or from the first byte of a further request.
    """

    def __init__(self, head_s: float, **more: Any) -> None:
        super().__init__(**more)
        self._head_s = head_s
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the clock."""
        super().connection_made(transport)
        self.app = _with_abort(self.app, transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Stops the clock at the end of a head, and starts it at the next one's beginning."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the clock."""
        self._unwatch()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if not self._awaits_head():
            self._unwatch()
        elif self._timer is None:
            self._timer = self.loop.call_later(self._head_s, self._give_up)

    def _unwatch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _awaits_head(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _give_up(self) -> None:
        self._timer = None
        if self._awaits_head() and not self.transport.is_closing():
            log.warning("closed a connection that sent no request within %g s", self._head_s)
            self.transport.abort()


def _with_abort(application: Any, transport: asyncio.Transport) -> Any:
    """Hands the application a way to drop the connection at once."""

    async def handle(scope: Message, receive: Receive, send: Send) -> None:
        scope["extensions"] = {**scope.get("extensions", {}), ABORT: transport.abort}
        await application(scope, receive, send)

    return handle


def _make_speaking_server(settings: ServerSettings, announce: Announce) -> Server:
    def control(command: str) -> None:
        server.control(command)

    application = make_app(settings, control)
    server = make_server(application, settings, lambda: announce(settings.address))
    return server


def make_server(application: Application, settings: ServerSettings, ready: Callable[[], None]) -> Server:
    """A server for an application, not started yet.

    Args:
        application: What answers.
        settings: Its limits count.
        ready: Called once callers can come.
    """
    limits = settings.limits
    config = uvicorn.Config(
        application,
        http=partial(PatientProtocol, limits.head_s),  # type: ignore[arg-type]
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=limits.connections,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUT_DOWN_S,
        h11_max_incomplete_event_size=_LARGEST_HEAD,
    )
    return Server(config, ready)


def open_socket(settings: ServerSettings) -> socket.socket:
    """A socket at the settings' address.

    Raises:
        BadParameters: nothing can listen there.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        raise BadParameters(
            f"Nothing can listen at {settings.host}, port {settings.port}: {error.strerror or error}.",
            hint="End the program that uses the port, or choose another one with --port.",
        ) from error


def _watch_parent(server: Server) -> None:
    while sys.stdin.buffer.read(4096):
        pass
    server.should_exit = True
