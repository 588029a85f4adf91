"""Change of sample rate."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

Samples = NDArray[np.float32]


def resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """Mono audio at another rate.

    Args:
        samples: (S,) float32.
        from_hz: its rate.
        to_hz: the wanted rate.

    Returns:
        (round(S * to_hz / from_hz),) float32; the same array when the rates are equal.
    """
    if from_hz == to_hz or not samples.size:
        return samples
    changed: Samples = soxr.resample(samples, from_hz, to_hz, quality="HQ").astype(np.float32, copy=False)
    return changed


class Resampler:
    """As `resample`, for sound that comes in blocks."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._stream = (
            None
            if from_hz == to_hz
            else soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="HQ")
        )

    def push(self, samples: Samples, *, last: bool = False) -> Samples:
        """The next samples at the new rate; with `last`, all that are left."""
        if self._stream is None:
            return samples
        changed: Samples = self._stream.resample_chunk(samples, last=last)
        return changed
