"""Reads the clips of the steps to come; a clip that cannot be read any more is left out."""

from __future__ import annotations

import wave
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, Generic, TypeVar

from engine.protocol.errors import EngineError, MissingFile, OutOfMemory
from engine.protocol.results import Skipped
from engine.train.plan import Batch
from engine.train.rescue import memory_errors
from engine.train.training import Training

_UNREADABLE: Final = (EngineError, OSError, EOFError, ValueError, wave.Error)
B = TypeVar("B")


class Unreadable(Exception):
    """No clip of a step can be read.

    Attributes:
        reason: What is said to the user.
    """

    def __init__(self, reason: EngineError) -> None:
        super().__init__(reason.message)
        self.reason = reason


class Reader(Generic[B]):
    """Reads a training's data.

    Attributes:
        lost: Clips that could not be read any more, each once.
    """

    def __init__(self, training: Training[B]) -> None:
        self.lost: list[Skipped] = []
        self._training = training
        self._told = 0

    @contextmanager
    def ahead(self, plan: Sequence[Sequence[Batch]]) -> Iterator[Iterator[B]]:
        """The data of every step, the next one read in a thread while the last one is learnt from.

        The iterator raises Unreadable, and OutOfMemory.
        """
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="training-data") as pool:

            def loaded() -> Iterator[B]:
                waiting = pool.submit(self._read, plan[0]) if plan else None
                for following in [*plan[1:], None]:
                    if waiting is None:
                        return
                    data = waiting.result()
                    waiting = pool.submit(self._read, following) if following is not None else None
                    yield data

            yield loaded()

    def news(self) -> list[Skipped]:
        """Clips lost since this was asked last."""
        found = self.lost[self._told :]
        self._told += len(found)
        return found

    def _read(self, step: Sequence[Batch]) -> B:
        with memory_errors():
            try:
                return self._training.load(step)
            except OutOfMemory:
                raise
            except _UNREADABLE as error:
                left = self._readable(step)
                if not left:
                    raise Unreadable(_in_words(error, ", ".join(self._training.clips(step)))) from error
                return self._training.load(left)

    def _readable(self, step: Sequence[Batch]) -> list[Batch]:
        """The batches without the clips that cannot be read."""
        bad: dict[int, str] = {}
        for index in dict.fromkeys(index for batch in step for index in batch):
            try:
                self._training.load([(index,)])
            except _UNREADABLE as error:
                bad[index] = str(error)
        known = {one.name for one in self.lost}
        for index, reason in bad.items():
            (name,) = self._training.clips([(index,)])
            if name not in known:
                self.lost.append(Skipped(name=name, reason=f"it cannot be read any more: {reason}"))
        kept = [tuple(index for index in batch if index not in bad) for batch in step]
        return [batch for batch in kept if batch]


def _in_words(error: Exception, clips: str) -> EngineError:
    if isinstance(error, EngineError):
        return error
    return MissingFile(
        f"No clip of a step can be read any more ({clips}): {error}",
        hint="Bring the files back, or prepare the clips again; then start again: training goes on.",
        detail=repr(error),
    )
