"""Sound in two channels: read block by block, written in the formats that people ask for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import av
import numpy as np
from numpy.typing import NDArray

from engine.audio.io import opened_sound
from engine.protocol.errors import BadAudio
from engine.protocol.files import not_written

log = logging.getLogger(__name__)

Stereo = NDArray[np.float32]
"""(2, S); full scale is 1."""

Warn = Callable[[str], None]

_KINDS: Final = MappingProxyType(
    {
        "wav": ("wav", "pcm_s16le", "s16"),
        "flac": ("flac", "flac", "s16"),
        "mp3": ("mp3", "libmp3lame", "s16p"),
        "m4a": ("ipod", "aac", "fltp"),
    }
)
"""Format -> container, codec and sample format, as FFmpeg calls them."""

_BLOCK: Final = 1 << 18
_LOSSY_BITS: Final = 256_000
_FULL_SCALE: Final = 32768.0


def read_stereo(path: Path, rate_hz: int, warn: Warn | None = None) -> Iterator[Stereo]:
    """The sound of a file in two channels, block by block; mono comes out twice.

    Args:
        path: A sound file or a video of any kind that FFmpeg reads.
        rate_hz: Wanted samples a second.
        warn: Is told when the file is damaged but part of it could be read.

    Yields:
        (2, S) float32.

    Raises:
        MissingFile: there is no such file.
        BadAudio: it is no sound file, or there is no sound in it.
    """
    tell, empty = warn or log.warning, True
    with opened_sound(path) as (container, stream):
        # FFmpeg would make mono 3 dB quieter on its way to two channels.
        layout = "mono" if stream.channels == 1 else "stereo"
        change = av.AudioResampler(format="fltp", layout=layout, rate=rate_hz)
        try:
            for block in _gathered(_decoded(container, stream, change)):
                empty = False
                yield np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
        except (av.FFmpegError, ValueError) as error:
            if empty:
                raise BadAudio(
                    f"{path} cannot be decoded.", hint="Export or download it again.", detail=str(error)
                ) from error
            tell(f"{path} is damaged: only its beginning could be read.")
    if empty:
        raise BadAudio(f"There is no sound in {path}.", hint="The file is empty: record or export it again.")


def _decoded(container: Any, stream: Any, change: Any) -> Iterator[Stereo]:
    for frame in container.decode(stream):
        frame.pts = None
        for made in change.resample(frame):
            yield _two(made.to_ndarray())
    for made in change.resample(None):
        yield _two(made.to_ndarray())


def _two(block: Stereo) -> Stereo:
    return block if block.shape[0] > 1 else np.repeat(block, 2, axis=0)


def _gathered(blocks: Iterator[Stereo]) -> Iterator[Stereo]:
    waiting: list[Stereo] = []
    for block in blocks:
        waiting.append(block)
        if sum(part.shape[1] for part in waiting) >= _BLOCK:
            yield np.concatenate(waiting, axis=1)
            waiting = []
    if waiting:
        yield np.concatenate(waiting, axis=1)


class StereoWriter:
    """Takes blocks of sound for an open file; beyond full scale they are limited."""

    def __init__(self, container: Any, stream: Any, sample_format: str, rate_hz: int) -> None:
        self._container = container
        self._stream = stream
        self._format = sample_format
        self._rate_hz = rate_hz
        self._written = 0

    def add(self, block: Stereo) -> None:
        """Writes (2, S) float32."""
        if not block.shape[1]:
            return
        limited = np.clip(block, -1.0, 1.0)
        if self._format != "fltp":
            limited = np.clip(np.rint(limited * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)
        if not self._format.endswith("p"):
            limited = limited.T.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(limited), format=self._format, layout="stereo"
        )
        frame.sample_rate, frame.pts = self._rate_hz, self._written
        frame.time_base = Fraction(1, self._rate_hz)
        self._written += block.shape[1]
        self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Writes what the codec still holds."""
        self._container.mux(self._stream.encode(None))


@contextmanager
def stereo_writer(path: Path, kind: str, rate_hz: int) -> Iterator[StereoWriter]:
    """An open file of one of the formats wav, flac, mp3 and m4a.

    Raises:
        OutOfSpace: the file cannot be written.
    """
    container_name, codec, sample_format = _KINDS[kind]
    try:
        with path.open("wb") as file, av.open(file, "w", format=container_name) as container:
            stream = container.add_stream(codec, rate=rate_hz, layout="stereo", format=sample_format)
            if kind in {"mp3", "m4a"}:
                stream.bit_rate = _LOSSY_BITS
            writer = StereoWriter(container, stream, sample_format, rate_hz)
            yield writer
            writer.finish()
    except (OSError, av.FFmpegError) as error:
        raise not_written(path, error) from error
