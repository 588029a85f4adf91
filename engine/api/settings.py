"""What the user decides about the local server when it is started."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from engine.protocol.errors import BadParameters

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 9874
"""Where the original's window listens, too."""
_MEBIBYTE: Final = 2**20
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one caller can take of the machine.

    Attributes:
        body_bytes: Largest body of a request.
        head_s: Time for the head of a request to arrive.
        body_s: Time for a body to arrive, and for as much again at `slowest_bytes` a second.
        slowest_bytes: Bytes a second at which a larger body must arrive.
        reader_s: Time in which a caller must take some of an answer.
        connections: Connections at a time; more are turned away.
        waiting: Speech that may wait for a free worker; more is turned away.
        text_characters: Longest text that is spoken for one request.
    """

    body_bytes: int = _MEBIBYTE
    head_s: float = 10.0
    body_s: float = 30.0
    slowest_bytes: int = 64 * 1024
    reader_s: float = 30.0
    connections: int = 128
    waiting: int = 64
    text_characters: int = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """How the server is started.

    Attributes:
        workspace: Folder that relative paths start from; callers may read and write in it.
        host: Address that it listens at.
        port: Port that it listens at; 0 takes a free one.
        token: Word that every caller must know; empty for none, which only the loopback allows.
        folders: Folders besides the workspace that callers may read and write in.
        origins: Web pages, such as `http://localhost:8000`, whose scripts may call.
        speech_only: Whether to leave out the original's calls, whose library takes seconds to load.
        from_window: Whether the window started it, and shows the pages that callers ask for.
        control: Whether callers may restart and end the server.
        workers: Processes that speak at a time.
        device: Device that they speak on.
        limits: What one caller can take.
    """

    workspace: Path
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    token: str = ""
    folders: tuple[Path, ...] = ()
    origins: tuple[str, ...] = ()
    speech_only: bool = False
    from_window: bool = False
    control: bool = False
    workers: int = 1
    device: str = "auto"
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        if not self.loopback and not self.token:
            raise BadParameters(
                f"The address {self.host} can be reached from other machines, and no token was given.",
                hint="Add --token WORD, which callers must then send, or listen at 127.0.0.1.",
            )
        if not _TOKEN.fullmatch(self.token):
            raise BadParameters(
                "The token holds signs that cannot be part of an address.",
                hint="Use letters without accents, digits, and . _ ~ - only.",
            )
        if not 0 <= self.port <= 65535:
            raise BadParameters(f"There is no port {self.port}.", hint="Choose one from 1 to 65535.")
        if self.workers < 1:
            raise BadParameters("At least one process must speak.", hint="Set --speakers to 1 or more.")

    @property
    def loopback(self) -> bool:
        """Whether only programs of this machine can reach it."""
        return is_loopback(self.host)

    @property
    def address(self) -> str:
        """Where callers find it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/"


def is_loopback(host: str) -> bool:
    """Whether an address or name can only be this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
