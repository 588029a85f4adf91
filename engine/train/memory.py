"""How much memory a training takes and how much there is, on a GPU and on the processor."""

from __future__ import annotations

import gc
import threading
from types import TracebackType
from typing import Final

import psutil
import torch

GIB: Final = 2**30
_LOOKS_EVERY_S: Final = 0.005
_WORDS: Final = ("can't allocate memory", "not enough memory", "out of memory", "CUBLAS_STATUS_ALLOC_FAILED")


def is_lack_of_memory(error: BaseException) -> bool:
    """Whether a library's error says that memory was not enough."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _WORDS)


def release() -> None:
    """Gives memory back that nobody uses any more."""
    gc.collect()
    if _on_gpu():
        torch.cuda.empty_cache()


def used_bytes() -> int:
    """Memory that this process uses: on the GPU once it computes there, else in the machine."""
    if _on_gpu():
        return int(torch.cuda.memory_allocated())
    return int(psutil.Process().memory_info().rss)


def free_bytes() -> int:
    """Memory that this process could still take, where it computes."""
    if _on_gpu():
        unused = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
        return int(torch.cuda.mem_get_info()[0] + unused)
    return int(psutil.virtual_memory().available)


class PeakMemory:
    """The most memory that was in use within a `with` block; on the processor it is looked at often.

    Attributes:
        peak_bytes: The most so far.
    """

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._over = threading.Event()
        self._watcher: threading.Thread | None = None

    def __enter__(self) -> PeakMemory:
        if _on_gpu():
            torch.cuda.reset_peak_memory_stats()
        else:
            self._watcher = threading.Thread(target=self._watch, name="training-memory", daemon=True)
            self._watcher.start()
        self.look()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._watcher is not None:
            self._watcher.join()
        self.look()

    def look(self) -> int:
        """The most until now, in bytes."""
        now = int(torch.cuda.max_memory_allocated()) if _on_gpu() else used_bytes()
        self.peak_bytes = max(self.peak_bytes, now)
        return self.peak_bytes

    def _watch(self) -> None:
        while not self._over.wait(_LOOKS_EVERY_S):
            self.look()


def _on_gpu() -> bool:
    return torch.cuda.is_available() and torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
