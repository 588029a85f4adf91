"""Speech of even pace and pitch: what a very small voice can learn in an hour.

A recording is taken apart into the shape of its spectrum and whether it is voiced, and put together
again so that every phone of its text has 80 ms and the voice's pulses always stand at the same
places of a frame. A network then need not find out how long phones last nor where a period begins:
a frame of sound follows from the codes alone.

Equally long phones are hard to understand. So the borders between them move by up to 40 ms: a phone that
is long in the mean of the voice's recordings takes something of its neighbours' 80 ms. Where a border lies
follows from the phones around it.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import soundfile

from resources.starter.lessons import (
    PAUSE,
    TOKEN_S,
    TOKENS_OF_PHONE,
    phone_places,
    plain_phone,
    read_times,
)

Array = npt.NDArray[np.float32]
Spectra = npt.NDArray[np.complex64]
Times = Sequence[tuple[float, str]]

RATE_HZ: Final = 32000
HOP: Final = 160
FFT: Final = 1024
PULSES_OF_FRAME: Final = 4
"""Pulses of a frame of 20 ms: a voice of 200 Hz."""

_FRAME: Final = 640
_WINDOW: Final = 800
_QUEFRENCIES: Final = 96
_ROUNDS: Final = 6
_LONGEST_PERIOD: Final = RATE_HZ // 100
_SHORTEST_PERIOD: Final = RATE_HZ // 320
_LONG_WINDOW: Final = 1600
_LONG_FFT: Final = 4096
_VOICED: Final = 0.55
_SILENT: Final = 1e-7
_FLOOR: Final = 1e-5
_HALF_PAUSE_S: Final = 0.04
_FARTHEST_S: Final = 0.04
_PULL: Final = 0.2
"""How strongly a border is pulled to its even place; 1 weighs a second there as much as one of length."""

PHONE_LENGTHS: Final = Path(__file__).with_name("phone_lengths.json")


@dataclass(frozen=True, slots=True)
class PhoneLengths:
    """How long a voice speaks its phones.

    Attributes:
        mean_ms: Mean of all.
        phones_ms: Of each phone the mean within a phrase, and before a pause.
    """

    mean_ms: float
    phones_ms: Mapping[str, tuple[float, float]]

    def missed(self, phones: Sequence[str]) -> npt.NDArray[np.float64]:
        """(P,) by what share of the mean each phone of a text is longer."""
        usual = (self.mean_ms, self.mean_ms)
        found = [self.phones_ms.get(phone, usual)[last] for phone, last in with_ends(phones)]
        return np.array(found) / self.mean_ms - 1


def with_ends(phones: Sequence[str]) -> list[tuple[str, bool]]:
    """Each phone of a text, and whether a pause or the end follows."""
    after = (*phones[1:], ".")
    return [(one, plain_phone(other) == PAUSE) for one, other in zip(phones, after, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """A recording every 5 ms.

    Attributes:
        envelope: (N, bins) logarithm of the spectrum's shape.
        power: (N,) mean square.
        voiced: (N,) bool.
    """

    envelope: Array
    power: Array
    voiced: npt.NDArray[np.bool_]


def _frames(wave: Array, width: int) -> Array:
    count = len(wave) // HOP + 1
    padded = np.pad(wave, (width // 2, width + HOP))
    return np.lib.stride_tricks.sliding_window_view(padded, width)[::HOP][:count]


def analyse(wave: Array) -> Analysis:
    """Takes a recording apart; wave: (S,) at 32 kHz."""
    window = np.hanning(_WINDOW).astype(np.float32)
    pieces = _frames(wave, _WINDOW) * window
    level = np.log(np.abs(np.fft.rfft(pieces, FFT)) + _FLOOR)
    shape, target = level, level
    for _ in range(_ROUNDS):
        cepstrum = np.fft.irfft(target)
        cepstrum[:, _QUEFRENCIES : FFT - _QUEFRENCIES + 1] = 0
        shape = np.fft.rfft(cepstrum).real
        target = np.maximum(target, shape)
    power = (pieces**2).sum(axis=1) / (window**2).sum()
    voiced = _voiced(wave) & (power > _SILENT)
    return Analysis(envelope=shape.astype(np.float32), power=power.astype(np.float32), voiced=voiced)


def _voiced(wave: Array) -> npt.NDArray[np.bool_]:
    """Where the notes below 2 kHz repeat themselves at the pace of a voice."""
    window = np.hanning(_LONG_WINDOW)
    spectrum = np.abs(np.fft.rfft(_frames(wave, _LONG_WINDOW) * window.astype(np.float32), _LONG_FFT)) ** 2
    whole = spectrum.sum(axis=1) + 1e-9
    spectrum[:, _LONG_FFT * 2000 // RATE_HZ :] = 0
    repeats = np.fft.irfft(spectrum)
    own = np.fft.irfft(np.abs(np.fft.rfft(window, _LONG_FFT)) ** 2)
    lags = slice(_SHORTEST_PERIOD, _LONGEST_PERIOD)
    likeness = (repeats[:, lags] / (own[lags] / own[0])).max(axis=1) / (repeats[:, 0] + 1e-9)
    found: npt.NDArray[np.bool_] = (likeness > _VOICED) & (spectrum.sum(axis=1) / whole > 0.2)
    return found


def _excitation() -> tuple[Spectra, Spectra]:
    """Spectra of a hop's pulse or pulses, and of its noise, for the hops of a frame: (4, bins) each."""
    hops = _FRAME // HOP
    period = _FRAME / PULSES_OF_FRAME
    turns = np.arange(FFT // 2 + 1) / FFT
    pulses = np.zeros((hops, FFT // 2 + 1), dtype=np.complex64)
    for pulse in range(PULSES_OF_FRAME):
        hop, place = divmod(pulse * period, HOP)
        pulses[int(hop)] += np.exp(-2j * np.pi * turns * place) * np.sqrt(period)
    noise = np.random.default_rng(7).standard_normal((hops, HOP)).astype(np.float32)
    noise -= noise.mean()
    return pulses, np.fft.rfft(noise, FFT).astype(np.complex64)


def put_together(parts: Analysis, hops: npt.NDArray[np.int64]) -> Array:
    """Sound of even pitch that follows an analysis; hops: (M,) its places, one for each 5 ms."""
    hops = hops.clip(0, len(parts.power) - 1)
    shape, power, voiced = parts.envelope[hops], parts.power[hops], parts.voiced[hops]
    cepstrum = np.fft.irfft(shape)
    cepstrum[:, 1 : FFT // 2] *= 2
    cepstrum[:, FFT // 2 + 1 :] = 0
    response = np.exp(np.fft.rfft(cepstrum))
    unit = np.sqrt((np.abs(response) ** 2).mean(axis=1))
    gain = np.sqrt(power) / (unit + 1e-9)
    pulses, noise = _excitation()
    phase = np.arange(len(hops)) % (_FRAME // HOP)
    source = np.where(voiced[:, None], pulses[phase], noise[phase])
    pieces = np.fft.irfft(response * source * gain[:, None].astype(np.float32)).astype(np.float32)
    count = len(hops) * HOP
    wave = np.zeros(count + 2 * FFT, dtype=np.float32)
    for start in range(0, FFT, HOP):
        part = pieces[:, start : start + HOP]
        wave[start : start + count] += np.pad(part, ((0, 0), (0, HOP - part.shape[1]))).reshape(-1)
    return wave[:count]


@functools.cache
def phone_lengths() -> PhoneLengths:
    """Lengths in the mean of the main voice's recordings."""
    return PhoneLengths(**json.loads(PHONE_LENGTHS.read_text(encoding="utf-8")))


def borders(phones: Sequence[str]) -> npt.NDArray[np.float64]:
    """Where the phones of a text end, (P + 1,) seconds from 0 on.

    Phone k ends near (k + 1) * 80 ms. What it is longer or shorter than that in the mean, it takes from its
    neighbours or leaves to them: the least squares of lengths that are missed and of borders that move.
    """
    even_s = TOKENS_OF_PHONE * TOKEN_S
    count = len(phones) - 1
    moves = np.eye(len(phones), count) - np.eye(len(phones), count, -1)
    wanted = moves.T @ (even_s * phone_lengths().missed(phones))
    moved = np.linalg.solve(moves.T @ moves + _PULL * np.eye(count), wanted)
    ends = even_s * np.arange(len(phones) + 1)
    ends[1:-1] += moved.clip(-_FARTHEST_S, _FARTHEST_S)
    return np.maximum.accumulate(ends)


def spoken_spans(times: Times, places: Sequence[int], count: int) -> npt.NDArray[np.float64]:
    """When each phone of a text is spoken in a recording.

    Args:
        times: End in seconds and name of every spoken phone.
        places: The place in the text of each of them, never falling.
        count: How many phones the text has.

    Returns:
        (count, 2) seconds: start and end; of a phone that was not spoken, twice the border of its
        neighbours; of a pause, at most its middle 80 ms.
    """
    starts_s = [0.0, *(end_s for end_s, _ in times[:-1])]
    spans = np.zeros((count, 2))
    border_s = 0.0
    for phone in range(count):
        spoken = [index for index, place in enumerate(places) if place == phone]
        kept = [index for index in spoken if times[index][1] != PAUSE] or spoken
        first_s = starts_s[kept[0]] if kept else border_s
        border_s = times[kept[-1]][0] if kept else border_s
        last_s = border_s
        if kept and times[kept[0]][1] == PAUSE:
            middle_s = (first_s + border_s) / 2
            first_s, last_s = max(first_s, middle_s - _HALF_PAUSE_S), min(border_s, middle_s + _HALF_PAUSE_S)
        spans[phone] = first_s, last_s
    return spans


def even_hops(spans: npt.NDArray[np.float64], ends: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Where to look in a recording so that each phone of its text ends where it should.

    Args:
        spans: (P, 2) seconds: when each phone is spoken.
        ends: (P + 1,) seconds; the first is 0.

    Returns:
        A hop for each 5 ms.
    """
    wanted_s = (np.arange(round(ends[-1] * RATE_HZ / HOP)) + 0.5) * HOP / RATE_HZ
    phone_of = (np.searchsorted(ends, wanted_s, side="right") - 1).clip(0, len(spans) - 1)
    share = (wanted_s - ends[phone_of]) / np.maximum(ends[phone_of + 1] - ends[phone_of], 1e-6)
    looked_s = spans[phone_of, 0] + share * (spans[phone_of, 1] - spans[phone_of, 0])
    hops: npt.NDArray[np.int64] = np.round(looked_s * RATE_HZ / HOP).astype(np.int64)
    return hops


def write_even(recording: Path, phones: Sequence[str], out: Path) -> bool:
    """Writes a recording, whose `.lab` lies beside it, at an even pace, and the new times of its phones.

    A frame of silence follows, so that the content encoder, whose windows overlap, gives two tokens
    for the last phone too.

    Args:
        recording: 32 kHz, mono.
        phones: its text's phones, as the program writes them.
        out: `.wav` to write.

    Returns:
        Whether the times fit the text; nothing is written otherwise.
    """
    wave, _ = soundfile.read(recording, dtype="float32")
    times = read_times(recording.with_suffix(".lab"))
    places = phone_places(phones, [phone for _, phone in times])
    if places is None:
        return False
    write_timed(analyse(wave), times, places, phones, out)
    return True


def write_timed(
    parts: Analysis, times: Times, places: Sequence[int], phones: Sequence[str], out: Path
) -> None:
    """Writes a recording at an even pace, and the new times of its phones beside it.

    Args:
        parts: The recording, taken apart.
        times: End in seconds and name of every spoken phone.
        places: The place in the text of each of them, never falling.
        phones: The text's phones, as the program writes them.
        out: `.wav` to write.
    """
    spans = spoken_spans(times, places, len(phones))
    made = put_together(parts, even_hops(spans, borders(phones)))
    soundfile.write(out, np.pad(made, (0, _FRAME)), RATE_HZ, subtype="PCM_16")
    length_s = TOKENS_OF_PHONE * TOKEN_S
    lines = [f"{(place + 1) * length_s:.4f} 100 {plain_phone(one)}" for place, one in enumerate(phones)]
    out.with_suffix(".lab").write_text("\n".join(("#", *lines)) + "\n", encoding="utf-8")
