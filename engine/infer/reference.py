"""The recordings whose voice and manner are taken.

Shapes: S samples, T tokens.
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
from engine.infer.decoder import SoundDecoder, Timbre
from engine.models.hubert import RATE_HZ as CONTENT_RATE_HZ
from engine.models.hubert import ContentEncoder
from engine.protocol.errors import BadAudio
from engine.protocol.versions import SPECTROGRAM_RATE_HZ

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
_LEAST_MORE_S: Final = 1.0

Warn = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A reference, ready for the networks.

    Attributes:
        timbre: What the decoder hears in it.
        tokens: (T,) semantic tokens of what is said, on the CPU.
    """

    timbre: Timbre
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


def semantic_tokens(samples: Samples, encoder: ContentEncoder, decoder: SoundDecoder) -> Tensor:
    """(S,) samples of a reference -> (T,) semantic tokens on the CPU, 25 a second."""
    heard = resample(samples, SPECTROGRAM_RATE_HZ, CONTENT_RATE_HZ)
    heard = np.pad(heard, (0, int(PROMPT_SILENCE_S * CONTENT_RATE_HZ)))
    device = next(encoder.parameters()).device
    return decoder.codes(encoder.encode(torch.from_numpy(heard)[None].to(device)))


def make_reference(path: Path, encoder: ContentEncoder, decoder: SoundDecoder, warn: Warn) -> Reference:
    """Reads a recording and makes everything of it that speaking needs.

    Raises:
        MissingFile: there is no such file.
        BadAudio: it is no sound, silent, too short or too long.
    """
    samples = read_reference(path, SPECTROGRAM_RATE_HZ, warn)
    return Reference(timbre=decoder.listen(samples), tokens=semantic_tokens(samples, encoder, decoder))


def hear_more(path: Path, decoder: SoundDecoder, warn: Warn) -> Timbre:
    """The voice of one more recording, which may be longer or shorter than a reference.

    Raises:
        MissingFile: there is no such file.
        BadAudio: it is no sound, silent, or shorter than a second.
    """
    samples = read_audio(path, SPECTROGRAM_RATE_HZ, warn)
    require_sound(samples, path)
    if samples.size < _LEAST_MORE_S * SPECTROGRAM_RATE_HZ:
        raise BadAudio(
            f"The recording {path} is {samples.size / SPECTROGRAM_RATE_HZ:.1f} s long; "
            f"at least {_LEAST_MORE_S:.0f} s are needed.",
            hint="Choose a longer one.",
        )
    return decoder.listen(samples)


def _without_silence(samples: Samples, rate_hz: int) -> Samples:
    """Without the silence before the first and after the last loud sample, save a margin."""
    loud = np.flatnonzero(np.abs(samples) > _SILENT_SHARE * np.abs(samples).max())
    margin = int(_MARGIN_S * rate_hz)
    return samples[max(loud[0] - margin, 0) : loud[-1] + margin]
