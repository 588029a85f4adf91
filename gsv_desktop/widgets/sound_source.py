"""Where the player's samples come from: a file, or speech that is still being made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final, Protocol

from engine.protocol.errors import BadAudio, MissingFile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

BLOCK_FRAMES: Final = 2048
WAIT_S: Final = 0.1


class SoundSource(Protocol):
    """Something to be heard."""

    @property
    def rate_hz(self) -> int:
        """Sample rate."""

    def blocks(self) -> Iterator[Samples]:
        """Mono float32 samples in [-1, 1]; an empty block means: nothing yet."""


class FileSource:
    """A stretch of a sound file."""

    def __init__(self, path: Path, start_s: float = 0.0, stop_s: float | None = None) -> None:
        """Looks at the file.

        Raises:
            MissingFile: there is none.
            BadAudio: it cannot be decoded.
        """
        import soundfile

        if not path.is_file():
            raise MissingFile(f"There is no sound file at {path}.", hint="Choose another one.")
        try:
            info = soundfile.info(str(path))
        except (soundfile.LibsndfileError, RuntimeError) as error:
            raise BadAudio(
                f"{path.name} cannot be played.",
                hint="It may be damaged, or of an unknown kind.",
                detail=str(error),
            ) from error
        self._path = path
        self._rate_hz = int(info.samplerate)
        self._start = min(int(start_s * self._rate_hz), info.frames)
        self._stop = info.frames if stop_s is None else min(int(stop_s * self._rate_hz), info.frames)

    @property
    def rate_hz(self) -> int:
        """Sample rate of the file."""
        return self._rate_hz

    def blocks(self) -> Iterator[Samples]:
        """The stretch in blocks of BLOCK_FRAMES."""
        import soundfile

        with soundfile.SoundFile(str(self._path)) as sound:
            sound.seek(self._start)
            left = self._stop - self._start
            while left > 0:
                block = sound.read(min(BLOCK_FRAMES, left), dtype="float32", always_2d=True)
                if not len(block):
                    return
                left -= len(block)
                yield block.mean(axis=1)


class LiveSource:
    """Speech as it comes; it may come faster or slower than it is heard."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._chunks: SimpleQueue[bytes | None] = SimpleQueue()

    @property
    def rate_hz(self) -> int:
        """Sample rate of the speech."""
        return self._rate_hz

    def feed(self, pcm: bytes) -> None:
        """Adds 16-bit little-endian samples."""
        self._chunks.put(pcm)

    def finish(self) -> None:
        """Says that nothing more will come."""
        self._chunks.put(None)

    def blocks(self) -> Iterator[Samples]:
        """What has come, in blocks of BLOCK_FRAMES; empty ones while nothing does."""
        import numpy as np

        while True:
            try:
                chunk = self._chunks.get(timeout=WAIT_S)
            except Empty:
                yield np.zeros(0, dtype=np.float32)
                continue
            if chunk is None:
                return
            samples = np.frombuffer(chunk, dtype="<i2").astype(np.float32) / np.float32(32768)
            for start in range(0, len(samples), BLOCK_FRAMES):
                yield samples[start : start + BLOCK_FRAMES]
