"""Loudness of clips, and the step from float to 16-bit samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.audio.resample import Samples
from engine.protocol.errors import BadAudio

Pcm16 = NDArray[np.int16]

MAX_TRAINING_PEAK: Final = 2.2
_TRAINING_PEAK: Final = np.float32(0.95)
_TRAINING_MIX: Final = np.float32(0.5)
_PCM_SCALE: Final = np.float32(32768)
_CONTENT_SCALE: Final = np.float32(1145.14)


def peak(samples: Samples) -> np.float32:
    """The largest magnitude; 0 for no samples."""
    return np.float32(np.abs(samples).max(initial=0))


def to_pcm16(samples: Samples, scale: float = 32767) -> Pcm16:
    """Scaled, limited and cut to whole numbers: a sample that is too loud clips and never wraps."""
    pcm: Pcm16 = np.clip(samples * np.float32(scale), -32768, 32767).astype(np.int16)
    return pcm


def level(samples: Samples, target_peak: float, mix: float, *, once: bool = False) -> Samples:
    """Draws a clip towards `target_peak`: a share `mix` of the fully levelled clip, the rest as it was.

    A clip that goes beyond full scale is first brought down to it. The levelled share is then
    taken by the peak that the clip came with: parity with tests/parity/cases/text/slicer.jsonl.

    Args:
        samples: (S,) the clip.
        target_peak: peak of the levelled share.
        mix: the levelled share, 0 to 1.
        once: take a clip that went beyond full scale by the peak that it has after it was brought down.
    """
    loudest = peak(samples)
    if loudest == 0:
        return samples
    dry = samples / loudest if loudest > 1 else samples
    if once:
        loudest = peak(dry)
    return dry / loudest * np.float32(target_peak * mix) + np.float32(1 - mix) * dry


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingCopy:
    """A clip as training wants it, at 32 kHz.

    Attributes:
        mixed: (S,) float32; a clip that came too loud is still beyond full scale.
    """

    mixed: Samples

    @property
    def pcm(self) -> Pcm16:
        """(S,) what `5-wav32k` keeps; too loud samples clip, where the original lets them wrap."""
        return to_pcm16(self.mixed, float(_PCM_SCALE))

    @property
    def content(self) -> Samples:
        """(S,) float32 at 32 kHz, what the content encoder hears; not within [-1, 1]."""
        return self.mixed * _CONTENT_SCALE


def training_copy(samples: Samples) -> TrainingCopy:
    """Levels a 32 kHz clip for training: half of it drawn to a peak of 0.95, half as it was.

    Raises:
        BadAudio: the clip is silent, or far beyond full scale; the message has no file name in it.

    Source: parity SPEC section 8; tests/parity/test_slicer.py.
    """
    loudest = peak(samples)
    if loudest == 0:
        raise BadAudio("The clip is silent.", hint="Take it out of the label file.")
    if loudest > MAX_TRAINING_PEAK:
        raise BadAudio(
            f"The clip is too loud: its peak is {loudest:.1f} times full scale.",
            hint="Export it again at a lower level.",
        )
    mixed = samples / loudest * (_TRAINING_PEAK * _TRAINING_MIX) + _TRAINING_MIX * samples
    return TrainingCopy(mixed=mixed)
