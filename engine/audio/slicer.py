"""Cutting a recording into clips at its pauses.

The loudness curve has one value a hop. A *pause* is a run of values under the threshold. A pause
is cut when it is long enough and the clip before it is long enough too; of the silence, at most
`max_silence_ms` stays at either side of the cut, and every cut lies where the curve is lowest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.audio.resample import Samples
from engine.protocol.errors import BadParameters

Curve = NDArray[np.float32]

_FRAMES_AT_ONCE: Final = 1 << 15


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceRules:
    """Where to cut.

    Attributes:
        threshold_db: Loudness below this is silence; dB of full scale.
        min_length_ms: A clip is at least this long before it may be cut.
        min_interval_ms: A pause is at least this long before it is cut.
        hop_ms: Step of the loudness curve.
        max_silence_ms: Silence that stays at the ends of a clip.
    """

    threshold_db: float = -34.0
    min_length_ms: int = 4000
    min_interval_ms: int = 300
    hop_ms: int = 10
    max_silence_ms: int = 500

    def check(self) -> None:
        """Checks what the values must be to each other.

        Raises:
            BadParameters: they do not fit together.
        """
        if not self.min_length_ms >= self.min_interval_ms >= self.hop_ms:
            raise BadParameters(
                f"The shortest clip ({self.min_length_ms} ms), the shortest pause ({self.min_interval_ms} ms)"
                f" and the step of the loudness curve ({self.hop_ms} ms) do not fit together.",
                hint="The clip must be at least as long as the pause, and the pause as long as the step.",
            )
        if self.max_silence_ms < self.hop_ms:
            raise BadParameters(
                f"The silence kept ({self.max_silence_ms} ms) is shorter than the step of the "
                f"loudness curve ({self.hop_ms} ms).",
                hint="Keep more silence, or take a smaller step.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A piece of a recording.

    Attributes:
        start: First sample.
        end: Sample after the last, counted in whole hops: it may lie past the recording's end.
        samples: (S,) float32.
    """

    start: int
    end: int
    samples: Samples


@dataclass(frozen=True, slots=True)
class _Scale:
    """The rules in hops and samples."""

    hop: int
    window: int
    min_length: int
    min_interval: int
    max_silence: int
    threshold: float

    @classmethod
    def of(cls, rules: SilenceRules, rate_hz: int) -> _Scale:
        interval = rate_hz * rules.min_interval_ms / 1000
        hop = round(rate_hz * rules.hop_ms / 1000)

        def hops(milliseconds: int) -> int:
            return round(rate_hz * milliseconds / 1000 / hop)

        return cls(
            hop=hop,
            window=min(round(interval), 4 * hop),
            min_length=hops(rules.min_length_ms),
            min_interval=round(interval / hop),
            max_silence=hops(rules.max_silence_ms),
            threshold=10 ** (rules.threshold_db / 20),
        )


def slice_at_silence(samples: Samples, rate_hz: int, rules: SilenceRules) -> list[Clip]:
    """Cuts a recording at its pauses.

    Args:
        samples: (S,) float32, mono.
        rate_hz: its rate.
        rules: where to cut.

    Returns:
        The clips in their order; none when all is under the threshold.

    Raises:
        BadParameters: the rules do not fit together.

    Source: parity tests/parity/test_slicer.py.
    """
    rules.check()
    scale = _Scale.of(rules, rate_hz)
    if not samples.size:
        return []
    curve = loudness(samples, scale.window, scale.hop)
    if samples.size <= scale.min_length:  # a fraction of a second: there is nothing to look for
        return [Clip(start=0, end=curve.size * scale.hop, samples=samples)]
    gaps = list(_gaps(curve, scale))
    if not gaps:
        return [Clip(start=0, end=curve.size * scale.hop, samples=samples)]
    starts = [0, *(end for _, end in gaps)]
    ends = [*(start for start, _ in gaps), curve.size]
    pieces = [(first, last) for first, last in zip(starts, ends, strict=True) if first < last]
    return [
        Clip(
            start=first * scale.hop,
            end=last * scale.hop,
            samples=samples[first * scale.hop : last * scale.hop],
        )
        for first, last in pieces
    ]


def limit_lengths(clips: Iterable[Clip], rate_hz: int, longest_ms: int, hop_ms: int) -> list[Clip]:
    """Cuts clips that are too long where they are quietest in the second half of what is allowed.

    Args:
        clips: clips in their order.
        rate_hz: their rate.
        longest_ms: no clip is longer afterwards.
        hop_ms: step of the loudness curve.

    Returns:
        The clips in their order.
    """
    longest = rate_hz * longest_ms // 1000
    hop = max(1, rate_hz * hop_ms // 1000)
    made = []
    for clip in clips:
        left = clip
        while left.samples.size > longest:
            half = longest // 2
            curve = loudness(left.samples[half:longest], 4 * hop, hop)[1:-1]  # the ends are half empty
            at = half + (1 + int(curve.argmin())) * hop if curve.size else longest
            start = left.start + at
            made.append(Clip(start=left.start, end=start, samples=left.samples[:at]))
            left = Clip(start=start, end=left.end, samples=left.samples[at:])
        made.append(left)
    return made


def loudness(samples: Samples, window: int, hop: int) -> Curve:
    """Root mean square of a window around every hop; zeros are assumed beyond both ends.

    Returns:
        (1 + (S + 2 * (window // 2) - window) // hop,) float32.
    """
    padded = np.pad(samples, window // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    blocks = [
        np.mean(np.square(frames[first : first + _FRAMES_AT_ONCE]), axis=1)
        for first in range(0, len(frames), _FRAMES_AT_ONCE)
    ]
    curve: Curve = np.sqrt(np.concatenate(blocks))
    return curve


def _quiet_runs(quiet: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(N, 2) first hop and hop after the last of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], quiet, [False]))))
    return edges.reshape(-1, 2).astype(np.int64)


def _gaps(curve: Curve, scale: _Scale) -> Iterator[tuple[int, int]]:
    """What is left out between clips: (hop where a clip ends, hop where the next begins)."""
    clip_start = 0
    for first, after in _quiet_runs(curve < scale.threshold).tolist():
        if after == curve.size:
            if after - first >= scale.min_interval:
                last = min(after, first + scale.max_silence)
                yield _lowest(curve, first, last), after
            return
        leading = first == 0 and after > scale.max_silence
        pause = after - first >= scale.min_interval and after - clip_start >= scale.min_length
        if leading or pause:
            end, begin = _cut(curve, first, after, scale.max_silence)
            yield (0 if first == 0 else end), begin
            clip_start = begin


def _lowest(curve: Curve, first: int, last: int) -> int:
    """The hop of the lowest value from `first` to `last`, both included."""
    return first + int(curve[first : last + 1].argmin())


def _cut(curve: Curve, first: int, after: int, kept: int) -> tuple[int, int]:
    """Where in the pause [first, after) the clip before ends and the next one begins.

    The sound's first hop after the pause takes part in the search, as in the original.
    """
    if after - first <= kept:
        middle = _lowest(curve, first, after)
        return middle, middle
    end = _lowest(curve, first, first + kept)
    begin = _lowest(curve, after - kept, after)
    if after - first > 2 * kept:
        return end, begin
    middle = _lowest(curve, after - kept, first + kept)
    if first == 0:
        return 0, begin
    return min(end, middle), max(begin, middle)
