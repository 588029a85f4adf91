"""The slicer's test signals: triangle tones, noise and silence in integer arithmetic."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 32000
Integers = NDArray[np.int64]


def _samples(milliseconds: int) -> int:
    return milliseconds * RATE_HZ // 1000


def _tone(count: int, hz: float, amplitude: int | Integers) -> Integers:
    """A triangle wave: the phase counts thousandths of a period's samples."""
    turn = RATE_HZ * 1000
    phase = np.arange(count, dtype=np.int64) * round(hz * 1000) % turn
    peak = turn // 4
    height = np.select([phase < peak, phase < 3 * peak], [phase, 2 * peak - phase], phase - turn)
    return height * np.asarray(amplitude, dtype=np.int64) // peak


def _faded_tone(milliseconds: int, hz: float, first: int, last: int) -> Integers:
    count = _samples(milliseconds)
    slope = np.arange(count, dtype=np.int64) * (last - first) // max(count, 1)
    return _tone(count, hz, first + slope)


def build_signal(recipe: Mapping[str, Any]) -> NDArray[np.float32]:
    """Mono float32 samples at 32 kHz from a recipe of slicer.jsonl."""
    random = np.random.PCG64(recipe.get("seed", 0))

    def noise(milliseconds: int, amplitude: int) -> Integers:
        draws = (random.random_raw(_samples(milliseconds)) >> np.uint64(33)).astype(np.int64)
        return draws % (2 * amplitude + 1) - amplitude

    makers: dict[str, Callable[..., Integers]] = {
        "tone": lambda milliseconds, hz, amplitude: _tone(_samples(milliseconds), hz, amplitude),
        "samples": _tone,
        "fade": _faded_tone,
        "noise": noise,
        "silence": lambda milliseconds: np.zeros(_samples(milliseconds), np.int64),
    }
    parts: Sequence[Sequence[Any]] = recipe["parts"]
    steps = [makers[kind](*details) for kind, *details in parts]
    wave = np.concatenate([np.zeros(0, np.int64), *steps]).astype(np.float32)
    return wave / np.float32(32768) * np.float32(recipe.get("gain", 1.0))


def fingerprint(samples: NDArray[np.float32]) -> str:
    """SHA-256 of the samples as little-endian float32."""
    return hashlib.sha256(samples.astype("<f4").tobytes()).hexdigest()
