"""Sound files: reading any kind as mono float samples, and writing WAV."""

from __future__ import annotations

import logging
import wave
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import av
import numpy as np

from engine.audio.levels import Pcm16, to_pcm16
from engine.audio.resample import Resampler, Samples
from engine.protocol.errors import BadAudio, EngineError, MissingFile, NothingToDo
from engine.protocol.files import replacing
from engine.protocol.sound_files import SOUND_SUFFIXES

log = logging.getLogger(__name__)

Warn = Callable[[str], None]

_BLOCK: Final = 1 << 20
_SHORT_SHARE: Final = 0.98
_UNKNOWN_SIZES: Final = (0, 0xFFFFFFFF)
_NOT_SOUND_HINT: Final = "Play it in another program; if that fails too, export or download it again."


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioInfo:
    """What a sound file says of itself.

    Attributes:
        duration_s: Length; 0 when the file does not say.
        rate_hz: Samples a second.
        channels: Number of channels.
    """

    duration_s: float
    rate_hz: int
    channels: int


def read_audio(path: Path, rate_hz: int, warn: Warn | None = None) -> Samples:
    """The sound of a file, mixed to mono, at the wanted rate.

    Args:
        path: A sound file or a video of any kind that FFmpeg reads.
        rate_hz: Wanted samples a second.
        warn: Is told when the file is damaged but part of it could be read; else the log is told.

    Returns:
        (S,) float32; full scale is 1.

    Raises:
        MissingFile: there is no such file.
        BadAudio: it is no sound file, or there is no sound in it.
    """
    tell = warn or log.warning
    taken = _Taken(rate_hz)
    with opened_sound(path) as (container, stream):
        promised_s = _duration_s(container, stream)
        try:
            for block, found_hz in _decoded(container, stream):
                taken.add(block, found_hz)
        except (av.FFmpegError, ValueError) as error:
            if not taken.seconds:
                raise BadAudio(
                    f"{path} cannot be decoded.", hint=_NOT_SOUND_HINT, detail=str(error)
                ) from error
            tell(f"{path} is damaged: only its first {taken.seconds:.1f} s could be read.")
            promised_s = 0.0
    if not taken.seconds:
        raise BadAudio(f"There is no sound in {path}.", hint="The file is empty: record or export it again.")
    if taken.seconds < promised_s * _SHORT_SHARE - 0.1 or _cut_off(path):
        tell(f"{path} ends before its time; the {taken.seconds:.1f} s that are there are used.")
    samples = taken.samples()
    if taken.wrong:
        tell(f"{path} holds samples that are no numbers; they are taken as silence.")
    return samples


class _Taken:
    """Blocks of sound brought to one rate as they come: a long recording is in memory once."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._resampler: Resampler | None = None
        self._waiting: list[Samples] = []
        self._waiting_samples = 0
        self._done: list[Samples] = []
        self.seconds = 0.0
        self.wrong = False

    def add(self, block: Samples, found_hz: int) -> None:
        """Takes the next samples."""
        if self._resampler is None:
            self._resampler = Resampler(found_hz, self._rate_hz)
        self.seconds += block.size / found_hz
        self._waiting.append(block)
        self._waiting_samples += block.size
        if self._waiting_samples >= _BLOCK:
            self._flush(last=False)

    def samples(self) -> Samples:
        """All that came."""
        self._flush(last=True)
        return np.concatenate(self._done)

    def _flush(self, *, last: bool) -> None:
        if self._resampler is None:
            return
        block = np.concatenate([np.zeros(0, np.float32), *self._waiting])
        if not np.isfinite(block).all():
            self.wrong = True
            block = np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)
        self._done.append(self._resampler.push(block, last=last))
        self._waiting, self._waiting_samples = [], 0


def probe(path: Path) -> AudioInfo:
    """Length, rate and channels of a sound file, without decoding it.

    Raises:
        MissingFile: there is no such file.
        BadAudio: it is no sound file.
    """
    with opened_sound(path) as (container, stream):
        return AudioInfo(
            duration_s=_duration_s(container, stream),
            rate_hz=int(stream.rate or 0),
            channels=int(stream.channels or 1),
        )


def probe_each(
    paths: Sequence[Path], before_each: Callable[[], None]
) -> tuple[dict[Path, AudioInfo], dict[Path, EngineError]]:
    """What many files say of themselves, and for each that is no sound file, why.

    Args:
        paths: The files.
        before_each: Called before each, to report progress or to stop.
    """
    found: dict[Path, AudioInfo] = {}
    faults: dict[Path, EngineError] = {}
    for path in paths:
        before_each()
        try:
            found[path] = probe(path)
        except (BadAudio, MissingFile) as error:
            faults[path] = error
    return found, faults


def require_sound(samples: Samples, path: Path) -> None:
    """Checks that there is anything to hear.

    Raises:
        BadAudio: every sample is zero.
    """
    if not samples.any():
        raise BadAudio(f"{path} is silent from start to end.", hint="Record it again, or leave it out.")


def write_wav(path: Path, samples: Samples | Pcm16, rate_hz: int) -> None:
    """Writes mono 16-bit PCM; the file appears whole. Samples beyond full scale are limited.

    Raises:
        OutOfSpace: the file cannot be written.
    """
    pcm = samples if samples.dtype == np.int16 else to_pcm16(samples)  # type: ignore[arg-type]
    with replacing(path) as temporary, wave.open(str(temporary), "wb") as stream:
        stream.setnchannels(1)
        stream.setsampwidth(2)
        stream.setframerate(rate_hz)
        stream.writeframes(pcm.astype("<i2").tobytes())


def list_audio(folder: Path) -> list[Path]:
    """The sound files of a folder in the order of their names; folders in it are left alone.

    Raises:
        MissingFile: there is no such folder.
        NothingToDo: there is no sound file in it.
    """
    if not folder.is_dir():
        raise MissingFile(f"There is no folder {folder}.", hint="Choose an existing folder.")
    found = sorted(
        (p for p in folder.iterdir() if p.suffix.lower() in SOUND_SUFFIXES and p.is_file()),
        key=lambda p: p.name,
    )
    found = [path for path in found if not path.name.startswith(".")]
    if not found:
        raise NothingToDo(
            f"There is no sound file in {folder}.",
            hint="Choose a folder with recordings (WAV, FLAC, MP3, M4A, OGG ...).",
        )
    return found


@contextmanager
def opened_sound(path: Path) -> Iterator[tuple[Any, Any]]:
    """The open container and its first sound stream."""
    if not path.is_file():
        raise MissingFile(f"There is no file {path}.", hint="Choose an existing sound file.")
    if not path.stat().st_size:
        raise BadAudio(f"{path} is empty.", hint="Record or export it again.")
    try:
        # PyAV takes the file object on every system, whatever characters the path has.
        with path.open("rb") as file, av.open(file, metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise BadAudio(f"There is no sound in {path}.", hint="Choose a file with a sound track.")
            yield container, container.streams.audio[0]
    except EngineError:
        raise
    except (av.FFmpegError, ValueError) as error:
        raise BadAudio(f"{path} is not a sound file.", hint=_NOT_SOUND_HINT, detail=str(error)) from error
    except OSError as error:
        raise BadAudio(
            f"{path} cannot be read.",
            hint="Check that you may read it and that the disk is there.",
            detail=str(error),
        ) from error


def _decoded(container: Any, stream: Any) -> Iterator[tuple[Samples, int]]:
    """Mono blocks with their rate."""
    to_float = av.AudioResampler(format="fltp", rate=stream.rate)
    for frame in container.decode(stream):
        for planar in to_float.resample(frame):
            yield planar.to_ndarray().mean(axis=0, dtype=np.float32), planar.sample_rate


def _cut_off(path: Path) -> bool:
    """Whether a WAV file is shorter than its head says: FFmpeg itself says nothing of it."""
    with path.open("rb") as file:
        head = file.read(8)
    if head[:4] != b"RIFF":
        return False
    promised = int.from_bytes(head[4:8], "little")
    return promised not in _UNKNOWN_SIZES and path.stat().st_size < promised + 7


def _duration_s(container: Any, stream: Any) -> float:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else 0.0
