"""The worker's main loop: takes a run request, runs the stage, sends exactly one end."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Final

from engine.protocol.errors import BadParameters, Cancelled, EngineError, MissingFile, OutOfMemory, OutOfSpace
from engine.protocol.messages import Done, End, Failed, Hello, JobCancelled, RunRequest
from engine.protocol.results import StageResult
from engine.protocol.stages.base import StageParameters, StageSpec
from engine.protocol.stages.registry import stage
from engine.worker.channel import Inbox, Outbox, claim_stdout
from engine.worker.context import Keeper, WorkerContext

log = logging.getLogger(__name__)
GRACE_S: Final = 20.0
_DISK_FULL: Final = frozenset({28, 122})  # ENOSPC, EDQUOT; Windows reports 28 as well
StageFunction = Callable[[StageParameters, WorkerContext], StageResult]


def main(find: Callable[[str], StageSpec] = stage, grace_s: float = GRACE_S) -> int:
    """Serves requests until standard input ends.

    Args:
        find: Gives the stage of a name; tests bring stages of their own.
        grace_s: Time for a running stage to stop after the parent is gone.
    """
    # Ctrl+C in a terminal reaches the whole process group; the driver turns it into a cancel message.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    outbox = Outbox(claim_stdout())
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    inbox = Inbox(sys.stdin.buffer, outbox, grace_s)
    keeper = Keeper()
    outbox.send(Hello(pid=os.getpid()))
    inbox.start()
    while (request := inbox.runs.get()) is not None:
        context = WorkerContext(request.job, outbox, inbox, keeper)
        outbox.send(run_request(request, context, find))
        inbox.cancelled.discard(request.job)
    return 0


def run_request(request: RunRequest, context: WorkerContext, find: Callable[[str], StageSpec]) -> End:
    """Runs one request; every way that it can go ends in one message."""
    job = request.job
    try:
        context.check_cancelled()
        spec = find(request.stage)
        parameters = spec.parse(request.parameters)
        with context.signs_of_life():
            result = _function(spec)(parameters, context)
        return Done(job=job, result=result)
    except Cancelled:
        return JobCancelled(job=job)
    except EngineError as error:
        log.warning("job %s: %s", job, error.message)
        return failed(job, error)
    except Exception as error:
        log.exception("job %s failed", job)
        return failed(job, translate(error))


def _function(spec: StageSpec) -> StageFunction:
    module, _, name = spec.entry.partition(":")
    function: StageFunction = getattr(importlib.import_module(module), name)
    return function


def failed(job: str, error: EngineError) -> Failed:
    """The end message of an error, with the traceback in its detail."""
    trace = "".join(traceback.format_exception(error))
    detail = f"{error.detail}\n{trace}" if error.detail else trace
    return Failed(job=job, code=error.code, message=error.message, hint=error.hint, detail=detail)


def translate(error: Exception) -> EngineError:
    """An error of the world in words that a user can act on."""
    text = str(error) or type(error).__name__
    made: EngineError
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        made = OutOfMemory(
            "The memory was not enough.", hint="Use a smaller batch, or close other programs.", detail=text
        )
    elif isinstance(error, FileNotFoundError):
        made = MissingFile(f"There is no file {error.filename}.", hint="Check the path.", detail=text)
    elif isinstance(error, OSError) and error.errno in _DISK_FULL:
        made = OutOfSpace(
            f"The disk is full: {error.filename or 'a file'} could not be written.",
            hint="Free some space and start again; what was done is kept.",
            detail=text,
        )
    elif isinstance(error, ImportError):
        made = BadParameters(
            f"A part of the program is missing: {text}.", hint="Install the program again.", detail=text
        )
    else:
        made = EngineError(
            f"Something went wrong inside the program: {type(error).__name__}: {text}",
            hint="Please report this, with the log.",
            detail=text,
        )
    made.__cause__ = error
    return made
