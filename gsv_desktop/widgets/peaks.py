"""The outline of a recording at every scale: smallest and largest sample of ever larger blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine.protocol.errors import BadAudio, MissingFile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

FINE_SAMPLES: Final = 8
BASE_SAMPLES: Final = 32
FINE_FRAMES: Final = 10_000_000
FACTOR: Final = 4
READ_FRAMES: Final = BASE_SAMPLES * 32768
MIN_LEVEL: Final = 64


@dataclass(frozen=True, slots=True)
class Peaks:
    """Smallest and largest samples of a recording.

    Attributes:
        rate_hz: Sample rate.
        frames: Length in samples.
        levels: For each scale the (n,) smallest and (n,) largest samples of blocks of
            base * FACTOR**level samples, the last block perhaps shorter.
        base: Samples in a block of the finest level.
    """

    rate_hz: int
    frames: int
    levels: tuple[tuple[Samples, Samples], ...]
    base: int = BASE_SAMPLES

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.rate_hz

    def columns(self, start: float, stop: float, width: int) -> tuple[Samples, Samples]:
        """Smallest and largest samples for `width` columns of equal length.

        Args:
            start: First sample of the view.
            stop: End of the view in samples, larger than start.
            width: Number of columns.

        Returns:
            (width,) smallest and (width,) largest; a column takes every block that it touches.
        """
        import numpy as np

        per_column = (stop - start) / width
        level, block = 0, self.base
        while level + 1 < len(self.levels) and block * FACTOR <= per_column:
            level, block = level + 1, block * FACTOR
        low, high = self.levels[level]
        edges = start + per_column * np.arange(width + 1)
        first = np.clip((edges[:-1] // block).astype(np.int64), 0, len(low) - 1)
        last = np.clip(np.ceil(edges[1:] / block).astype(np.int64), first + 1, len(low))
        if (last - first).max() == 1:
            return low[first], high[first]
        steps = int((last - first).max())
        places = np.minimum(first[:, None] + np.arange(steps), last[:, None] - 1)
        return low[places].min(axis=1), high[places].max(axis=1)


def build_peaks(blocks: Iterator[Samples], rate_hz: int, base: int = BASE_SAMPLES) -> Peaks:
    """The outline of mono samples.

    Args:
        blocks: (n,) float32 in [-1, 1]; every block but the last a multiple of `base` long.
        rate_hz: Their rate.
        base: Samples in a block of the finest level.
    """
    import numpy as np

    lows, highs, frames = [], [], 0
    for block in blocks:
        if len(block) == 0:
            continue
        frames += len(block)
        low, high = _shrink(block, block, base)
        lows.append(low)
        highs.append(high)
    empty = np.zeros(1, dtype=np.float32)
    level = (np.concatenate(lows), np.concatenate(highs)) if lows else (empty, empty)
    levels = [level]
    while len(levels[-1][0]) > MIN_LEVEL:
        levels.append(_shrink(*levels[-1], FACTOR))
    return Peaks(rate_hz=rate_hz, frames=frames, levels=tuple(levels), base=base)


def read_peaks(path: Path) -> Peaks:
    """The outline of a sound file.

    Raises:
        MissingFile: there is no such file.
        BadAudio: it cannot be decoded here.
    """
    import soundfile

    if not path.is_file():
        raise MissingFile(f"There is no sound file at {path}.", hint="Choose another one.")
    try:
        with soundfile.SoundFile(str(path)) as sound:
            base = FINE_SAMPLES if sound.frames < FINE_FRAMES else BASE_SAMPLES
            return build_peaks(_mono_blocks(sound), sound.samplerate, base)
    except (soundfile.LibsndfileError, RuntimeError, OSError) as error:
        raise BadAudio(
            f"{path.name} cannot be shown as a waveform.",
            hint="It may be damaged, or of a kind that only the stages can read. Try it as WAV or FLAC.",
            detail=f"{path}\n{error}",
        ) from error


def _mono_blocks(sound: Any) -> Iterator[Samples]:
    for block in sound.blocks(blocksize=READ_FRAMES, dtype="float32", always_2d=True):
        yield block[:, 0] if block.shape[1] == 1 else block.mean(axis=1)


def _shrink(low: Samples, high: Samples, factor: int) -> tuple[Samples, Samples]:
    """Takes `factor` neighbours together; the last group may be smaller."""
    import numpy as np

    whole = len(low) // factor * factor
    small = low[:whole].reshape(-1, factor).min(axis=1)
    large = high[:whole].reshape(-1, factor).max(axis=1)
    if whole < len(low):
        small = np.append(small, low[whole:].min())
        large = np.append(large, high[whole:].max())
    return small.astype(np.float32), large.astype(np.float32)
