"""Errors that a user can act on. The message names the thing; the hint names the way out."""

from __future__ import annotations

from typing import ClassVar


class EngineError(Exception):
    """A failure with words for the user.

    Attributes:
        code: Stable name that travels in the `failed` message.
        message: One sentence that names the file or setting concerned.
        hint: One sentence that says what to do; may be empty.
        detail: Text for the log, such as a library's own words; may be empty.
    """

    code: ClassVar[str] = "engine"

    def __init__(self, message: str, *, hint: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail


class BadParameters(EngineError):
    """A parameter is missing, of the wrong type or out of its range."""

    code = "bad_parameters"


class MissingFile(EngineError):
    """A file or folder that was named is not there."""

    code = "missing_file"


class MissingModel(EngineError):
    """A model folder or weight file that a stage needs is not there."""

    code = "missing_model"


class BadAudio(EngineError):
    """A sound file cannot be decoded, or what is in it is of no use."""

    code = "bad_audio"


class BadLabels(EngineError):
    """A `.list` file, or a line of it, cannot be used."""

    code = "bad_labels"


class BadCheckpoint(EngineError):
    """A weight file is damaged, unsafe, of another kind, or does not fit."""

    code = "bad_checkpoint"


class BadText(EngineError):
    """There is nothing in the text that could be spoken."""

    code = "bad_text"


class NothingToDo(EngineError):
    """The input holds nothing that the stage can work on."""

    code = "nothing_to_do"


class OutOfMemory(EngineError):
    """The memory of the device or of the machine was not enough."""

    code = "out_of_memory"


class OutOfSpace(EngineError):
    """The disk is full or cannot be written."""

    code = "out_of_space"


class TrainingFailed(EngineError):
    """Training cannot go on; what was saved stays."""

    code = "training_failed"


class AlreadyRunning(EngineError):
    """Another process is doing the same work at the same place."""

    code = "already_running"


class WorkerDied(EngineError):
    """The worker process ended without an end message."""

    code = "worker_died"


class Cancelled(Exception):
    """Unwinds a job that the user cancelled."""
