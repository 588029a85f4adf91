"""The frozen program's first module: the window, a worker, the command line, or a helper of one of these.

Which one is said by the first argument; `engine.protocol.launch` writes it and reads it. A window or server
started from here starts its workers from here again, and a training or preparation on several devices its
further processes.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.spawn
import sys
from collections.abc import Sequence

from engine.protocol.launch import Role, read_role, read_tracker


def main(arguments: Sequence[str] | None = None) -> int:
    """Becomes what the arguments say and gives the exit code.

    Args:
        arguments: those of the process, without the program; None takes the process' own.
    """
    multiprocessing.freeze_support()  # on Windows, and wherever PyInstaller's own hook is at work
    role, rest = read_role(sys.argv[1:] if arguments is None else arguments)
    match role:
        case Role.HELPER:
            return _help(rest)
        case Role.WORKER:
            from engine.worker.serve import main as serve

            return serve()
        case Role.COMMAND:
            from engine.cli import main as command

            return command(rest)
        case Role.WINDOW:
            from gsv_desktop.app import main as window

            return window(rest)


def _help(arguments: Sequence[str]) -> int:
    """Runs what Python's `multiprocessing` started; elsewhere than on Windows it does not do so itself."""
    pipe = read_tracker(arguments)
    if pipe is not None:
        from multiprocessing import resource_tracker

        resource_tracker.main(pipe)
        return 0
    multiprocessing.spawn.freeze_support()  # ends the process
    return 1


if __name__ == "__main__":
    sys.exit(main())
