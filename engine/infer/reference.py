"""The recording whose voice and manner are taken.

Shapes: S samples, F spectrogram frames, T tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from engine.audio.io import read_audio, require_sound
from engine.audio.resample import Samples, resample
from engine.audio.spectrogram import SpectrogramSpec, linear_spectrogram
from engine.models.hubert import RATE_HZ as CONTENT_RATE_HZ
from engine.models.hubert import ContentEncoder
from engine.models.sovits import Sovits
from engine.protocol.errors import BadAudio

MIN_S: Final = 3.0
MAX_S: Final = 10.0
"""Length of a usable reference, in seconds."""

PROMPT_SILENCE_S: Final = 0.6
"""Silence behind the reference when its tokens are made.

The original means 0.3 s, but counts them at twice the rate; voices sound as they do there only
with what it really does.
"""

_PADDED_FROM_S: Final = 2.0
_SILENT_SHARE: Final = 0.01
_MARGIN_S: Final = 0.15
_LOUDEST_DIVISOR: Final = 2.0

Warn = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A reference, ready for the networks.

    Attributes:
        spectrogram: (1, bins, F) of the voice.
        tokens: (T,) semantic tokens of what is said, on the CPU.
    """

    spectrogram: Tensor
    tokens: Tensor


def read_reference(path: Path, rate_hz: int, warn: Warn) -> Samples:
    """The sound of a reference, of a length that the networks know.

    A recording that is too long loses the silence around it; one that is a little too short
    gets silence behind it.

    Args:
        path: a sound file.
        rate_hz: wanted rate.
        warn: told what was changed.

    Returns:
        (S,) mono, 3-10 s.

    Raises:
        MissingFile: there is no such file.
        BadAudio: it is no sound, silent, too short or too long.
    """
    samples = read_audio(path, rate_hz, warn)
    require_sound(samples, path)
    length_s = samples.size / rate_hz
    if length_s > MAX_S:
        samples = _without_silence(samples, rate_hz)
        if samples.size > MAX_S * rate_hz:
            raise BadAudio(
                f"The reference {path} is {length_s:.1f} s long; at most {MAX_S:.0f} s can be used.",
                hint=f"Cut {MIN_S:.0f}-{MAX_S:.0f} s of clear speech out of it, or choose a clip.",
            )
        warn(f"Silence around the speech in {path} is left out: it is {length_s:.1f} s long.")
    if samples.size < MIN_S * rate_hz:
        if samples.size < _PADDED_FROM_S * rate_hz:
            raise BadAudio(
                f"The reference {path} is {length_s:.1f} s long; at least {MIN_S:.0f} s are needed.",
                hint=f"Choose a clip of {MIN_S:.0f}-{MAX_S:.0f} s of clear speech.",
            )
        warn(f"The reference {path} is short ({length_s:.1f} s); {MIN_S:.0f}-{MAX_S:.0f} s sound better.")
        samples = np.pad(samples, (0, int(MIN_S * rate_hz) - samples.size))
    return samples


def voice_spectrogram(samples: Samples, spec: SpectrogramSpec) -> Tensor:
    """(S,) samples -> (1, bins, F); what is beyond full scale is brought down first."""
    loudest = float(np.abs(samples).max())
    if loudest > 1:
        samples = samples / np.float32(min(_LOUDEST_DIVISOR, loudest))
    return linear_spectrogram(torch.from_numpy(samples)[None], spec)


def semantic_tokens(samples: Samples, rate_hz: int, encoder: ContentEncoder, sovits: Sovits) -> Tensor:
    """(S,) samples -> (T,) semantic tokens on the CPU, 25 a second."""
    heard = resample(samples, rate_hz, CONTENT_RATE_HZ)
    heard = np.pad(heard, (0, int(PROMPT_SILENCE_S * CONTENT_RATE_HZ)))
    device = next(encoder.parameters()).device
    content = encoder.encode(torch.from_numpy(heard)[None].to(device))
    return sovits.extract_codes(content)[0].cpu()


def make_reference(path: Path, encoder: ContentEncoder, sovits: Sovits, warn: Warn) -> Reference:
    """Reads a recording and makes everything of it that speaking needs.

    Raises:
        MissingFile: there is no such file.
        BadAudio: it is no sound, silent, too short or too long.
    """
    spec = sovits.config.spectrogram
    samples = read_reference(path, spec.rate_hz, warn)
    device = next(sovits.parameters()).device
    return Reference(
        spectrogram=voice_spectrogram(samples, spec).to(device),
        tokens=semantic_tokens(samples, spec.rate_hz, encoder, sovits),
    )


def _without_silence(samples: Samples, rate_hz: int) -> Samples:
    """Without the silence before the first and after the last loud sample, save a margin."""
    loud = np.flatnonzero(np.abs(samples) > _SILENT_SHARE * np.abs(samples).max())
    margin = int(_MARGIN_S * rate_hz)
    return samples[max(loud[0] - margin, 0) : loud[-1] + margin]
