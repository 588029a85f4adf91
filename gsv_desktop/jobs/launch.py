"""How this window starts workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.protocol.launch import engine_command, worker_command, worker_environment


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """A program to start.

    Attributes:
        program: Path of the executable.
        arguments: Its arguments.
        environment: Its whole environment.
        folder: Its working folder; None for the window's own.
    """

    program: str
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None


def worker_launch(folder: Path | None = None) -> Launch:
    """The engine's worker, at home in a workspace."""
    program, *arguments = worker_command()
    return Launch(
        program=program, arguments=tuple(arguments), environment=worker_environment(), folder=folder
    )


def server_launch(folder: Path) -> Launch:
    """The local server for a workspace; it ends with the window."""
    program, *arguments = engine_command(
        "serve", "--with-parent", "--from-window", "--workspace", str(folder)
    )
    return Launch(
        program=program, arguments=tuple(arguments), environment=worker_environment(), folder=folder
    )
