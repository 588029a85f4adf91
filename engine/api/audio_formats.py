"""Sound as other programs want it: each format encoded while the sound arrives.

Samples come as mono signed 16-bit little-endian bytes, as the worker sends them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Protocol

import av
import numpy as np
import soxr

from engine.protocol.errors import BadParameters

_SAMPLE_BYTES: Final = 2
_UNKNOWN_BYTES: Final = 0xFFFFFFFF
"""What a header says where the length is not known yet, as other streaming encoders write it."""
_OPENAI_PCM_HZ: Final = 24_000


class Encoder(Protocol):
    """Turns samples into bytes of a format, piece by piece."""

    def push(self, pcm: bytes) -> bytes:
        """Takes samples; gives what can be sent by now, which may be nothing."""

    def finish(self) -> bytes:
        """What is left when no more samples come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFormat:
    """A format that callers can ask for.

    Attributes:
        name: What callers call it.
        media_type: What the answer's header calls it.
        container: PyAV's name of the container; empty for samples as they are.
        codec: PyAV's name of the codec.
        bit_rate: Bits a second; None for the codec's own choice.
        rate_hz: Rate that it must have; None for the voice's own.
        options: The container's settings.
    """

    name: str
    media_type: str
    container: str = ""
    codec: str = ""
    bit_rate: int | None = None
    rate_hz: int | None = None
    options: tuple[tuple[str, str], ...] = ()


_MP3: Final = AudioFormat(
    name="mp3",
    media_type="audio/mpeg",
    container="mp3",
    codec="libmp3lame",
    bit_rate=128_000,
    options=(("write_xing", "0"),),  # that header is written last, at the start
)
_FLAC: Final = AudioFormat(name="flac", media_type="audio/flac", container="flac", codec="flac")
_OPUS: Final = AudioFormat(
    name="opus",
    media_type="audio/ogg",
    container="ogg",
    codec="libopus",
    bit_rate=64_000,
    rate_hz=48_000,
    options=(("page_duration", "100000"),),  # microseconds; the default of a second delays the sound
)
_AAC: Final = AudioFormat(name="aac", media_type="audio/aac", container="adts", codec="aac", bit_rate=128_000)
_WAV: Final = AudioFormat(name="wav", media_type="audio/wav")
_PCM: Final = AudioFormat(name="pcm", media_type="audio/pcm", rate_hz=_OPENAI_PCM_HZ)
_RAW: Final = AudioFormat(name="raw", media_type="audio/raw")
_OGG: Final = replace(_OPUS, name="ogg")

OPENAI_FORMATS: Final = MappingProxyType({made.name: made for made in (_MP3, _OPUS, _AAC, _FLAC, _WAV, _PCM)})
"""What OpenAI's clients can ask for; their pcm is always at 24 kHz."""

API_V2_FORMATS: Final = MappingProxyType({made.name: made for made in (_WAV, _RAW, _OGG, _AAC)})
"""What the original's clients can ask for; raw is at the voice's own rate, ogg holds Opus."""


def find_format(name: str, known: MappingProxyType[str, AudioFormat]) -> AudioFormat:
    """The format of a name.

    Raises:
        BadParameters: there is none.
    """
    found = known.get(name)
    if found is None:
        raise BadParameters(
            f"The sound format {name!r} is not known.", hint=f"Choose one of: {', '.join(known)}."
        )
    return found


def make_encoder(wanted: AudioFormat, rate_hz: int, length: int | None = None) -> Encoder:
    """An encoder of a format.

    Args:
        wanted: The format.
        rate_hz: Rate of the samples that will come.
        length: How many samples will come; None when that is not known yet.
    """
    if wanted.container:
        return _AvEncoder(wanted, rate_hz)
    if wanted is _WAV:
        return _WavEncoder(rate_hz, length)
    return _PlainEncoder(rate_hz, wanted.rate_hz or rate_hz)


def encode_whole(wanted: AudioFormat, pcm: bytes, rate_hz: int) -> bytes:
    """All of a sound in a format."""
    encoder = make_encoder(wanted, rate_hz, len(pcm) // _SAMPLE_BYTES)
    return encoder.push(pcm) + encoder.finish()


class _WavEncoder:
    """A header, then the samples as they are."""

    def __init__(self, rate_hz: int, length: int | None) -> None:
        self._head = _wav_header(rate_hz, length)

    def push(self, pcm: bytes) -> bytes:
        head, self._head = self._head, b""
        return head + pcm

    def finish(self) -> bytes:
        return self.push(b"")


class _PlainEncoder:
    """Samples without a header, at another rate where one is asked for."""

    def __init__(self, rate_hz: int, wanted_hz: int) -> None:
        same = rate_hz == wanted_hz
        self._stream = None if same else soxr.ResampleStream(rate_hz, wanted_hz, 1, dtype="int16")

    def push(self, pcm: bytes) -> bytes:
        return self._convert(pcm, last=False)

    def finish(self) -> bytes:
        return self._convert(b"", last=True)

    def _convert(self, pcm: bytes, *, last: bool) -> bytes:
        if self._stream is None:
            return pcm
        converted = self._stream.resample_chunk(np.frombuffer(pcm, dtype="<i2"), last=last)
        return bytes(converted.astype("<i2").tobytes())


class _Sink:
    """A file that can only be written to; what was written is fetched from time to time."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


class _AvEncoder:
    """A format of FFmpeg's libraries, which come with PyAV."""

    def __init__(self, wanted: AudioFormat, rate_hz: int) -> None:
        self._sink = _Sink()
        self._rate_hz = rate_hz
        self._written = 0
        self._container = av.open(
            self._sink, "w", format=wanted.container, options=dict(wanted.options) | {"flush_packets": "1"}
        )
        self._stream = self._container.add_stream(wanted.codec, rate=wanted.rate_hz or rate_hz, layout="mono")
        if wanted.bit_rate is not None:
            self._stream.bit_rate = wanted.bit_rate

    def push(self, pcm: bytes) -> bytes:
        samples = np.frombuffer(pcm, dtype="<i2").astype(np.int16).reshape(1, -1)
        if samples.size:
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate = self._rate_hz
            frame.pts = self._written
            self._written += samples.size
            self._container.mux(self._stream.encode(frame))
        return self._sink.take()

    def finish(self) -> bytes:
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._sink.take()


def _wav_header(rate_hz: int, length: int | None) -> bytes:
    """The 44 bytes in front of the samples of a WAV file; `length` in samples."""
    data_bytes = _UNKNOWN_BYTES if length is None else length * _SAMPLE_BYTES
    riff_bytes = _UNKNOWN_BYTES if length is None else data_bytes + 36
    form = struct.pack("<HHIIHH", 1, 1, rate_hz, rate_hz * _SAMPLE_BYTES, _SAMPLE_BYTES, 8 * _SAMPLE_BYTES)
    head = b"RIFF" + struct.pack("<I", riff_bytes) + b"WAVEfmt " + struct.pack("<I", len(form)) + form
    return head + b"data" + struct.pack("<I", data_bytes)
