"""How good a clip is: level, clipping, silence, and noise under the speech."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from engine.audio.resample import Samples

_FRAME_S: Final = 0.02
_FLOOR: Final = 1e-10
_FULL: Final = 0.999
_LOUD_SHARE: Final = 0.9
_QUIET_SHARE: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What was measured.

    Attributes:
        seconds: Length.
        peak: Largest magnitude; 1 is full scale.
        speech_db: Loudness of the loud parts, dB of full scale.
        noise_db: Loudness of the quietest parts.
        clipped: Share of samples that stand at their clip's own top or beyond full scale, in runs.
    """

    seconds: float
    peak: float
    speech_db: float
    noise_db: float
    clipped: float

    @property
    def snr_db(self) -> float:
        """How far the speech stands above the noise between the words."""
        return self.speech_db - self.noise_db


def measure(samples: Samples, rate_hz: int) -> Quality:
    """Measures a clip.

    Args:
        samples: (S,) float32, mono.
        rate_hz: its rate.

    Noise is the loudness that a twentieth of all frames of 20 ms stay under, speech the one that a
    tenth go beyond; it needs no model and is right to a few dB where a clip has pauses.
    """
    peak = float(np.abs(samples).max(initial=0))
    frame = max(1, int(_FRAME_S * rate_hz))
    whole = samples[: samples.size // frame * frame].reshape(-1, frame)
    powers = np.square(whole, dtype=np.float32).mean(axis=1) if len(whole) else np.zeros(1, np.float32)
    noise, speech = np.quantile(powers, (_QUIET_SHARE, _LOUD_SHARE))
    return Quality(
        seconds=samples.size / rate_hz,
        peak=peak,
        speech_db=10 * float(np.log10(speech + _FLOOR)),
        noise_db=10 * float(np.log10(noise + _FLOOR)),
        clipped=_clipped(samples, peak),
    )


def _clipped(samples: Samples, peak: float) -> float:
    """Samples at the top that stand beside another one there: a lone peak is no clipping."""
    if peak <= 0:
        return 0.0
    top = np.abs(samples) >= min(peak, 1.0) * _FULL
    if peak < 0.5:  # a quiet clip that happens to have equal samples
        return 0.0
    pairs = top[1:] & top[:-1]
    return float(pairs.sum()) / samples.size
