"""Linear and mel spectrograms, as the networks were trained with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from engine.protocol.errors import BadAudio

_POWER_FLOOR: Final = 1e-8
_MEL_FLOOR: Final = 1e-5
_MEL_LOW: Final = -12.0
_MEL_SPAN: Final = 14.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectrogramSpec:
    """How a linear spectrogram is taken.

    Attributes:
        rate_hz: Sample rate that it is meant for.
        fft_samples: Length of the transform; bins are half of it plus one.
        hop_samples: Samples between two frames.
        window_samples: Length of the Hann window.
    """

    rate_hz: int
    fft_samples: int
    hop_samples: int
    window_samples: int

    @property
    def bins(self) -> int:
        """Number of frequency bins."""
        return self.fft_samples // 2 + 1

    @property
    def padding_samples(self) -> int:
        """Mirrored samples on each side, so that S samples give S // hop frames."""
        return (self.fft_samples - self.hop_samples) // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class MelSpec:
    """How mel bands are taken from a linear spectrogram.

    Attributes:
        spectrogram: The linear spectrogram.
        bands: Number of bands.
        low_hz: Lower end of the lowest band.
        high_hz: Upper end of the highest band; none for half the sample rate.
    """

    spectrogram: SpectrogramSpec
    bands: int
    low_hz: float = 0.0
    high_hz: float | None = None


SOVITS_SPECTROGRAM: Final = SpectrogramSpec(
    rate_hz=32000, fft_samples=2048, hop_samples=640, window_samples=2048
)
"""What v1, v2 and Pro read references and recordings with: 50 frames a second."""

SOVITS_MEL: Final = MelSpec(spectrogram=SOVITS_SPECTROGRAM, bands=128)
"""What their mel loss compares."""

V3_MEL: Final = MelSpec(
    spectrogram=SpectrogramSpec(rate_hz=24000, fft_samples=1024, hop_samples=256, window_samples=1024),
    bands=100,
)
"""What v3 makes: 93.75 frames a second."""

V4_MEL: Final = MelSpec(
    spectrogram=SpectrogramSpec(rate_hz=32000, fft_samples=1280, hop_samples=320, window_samples=1280),
    bands=100,
)
"""What v4 makes: 100 frames a second."""


def linear_spectrogram(wave: Tensor, spec: SpectrogramSpec = SOVITS_SPECTROGRAM) -> Tensor:
    """Amplitudes of mono audio.

    Args:
        wave: (B, S) in [-1, 1], at spec.rate_hz.
        spec: window and hop.

    Returns:
        (B, spec.bins, F) float32, F = S // spec.hop_samples.

    Raises:
        BadAudio: the audio is too short to be mirrored at its ends.
    """
    if wave.shape[1] <= spec.padding_samples:
        raise BadAudio(
            f"The audio is too short: {wave.shape[1] / spec.rate_hz:.3f} s.",
            hint=f"It needs more than {spec.padding_samples / spec.rate_hz:.3f} s.",
        )
    padding = (spec.padding_samples, spec.padding_samples)
    mirrored = F.pad(wave.float().unsqueeze(1), padding, mode="reflect").squeeze(1)
    spectrum = torch.stft(
        mirrored,
        spec.fft_samples,
        hop_length=spec.hop_samples,
        win_length=spec.window_samples,
        window=torch.hann_window(spec.window_samples, device=wave.device),
        center=False,
        return_complex=True,
    )
    power = torch.view_as_real(spectrum).square().sum(dim=-1)
    return (power + _POWER_FLOOR).sqrt()


def log_mel(wave: Tensor, spec: MelSpec = SOVITS_MEL) -> Tensor:
    """Log-mel spectrogram of mono audio.

    Args:
        wave: (B, S) in [-1, 1], at the spec's rate.
        spec: bands and the linear spectrogram below them.

    Returns:
        (B, spec.bands, F) natural-log amplitude.

    Raises:
        BadAudio: the audio is too short.
    """
    return mel_of_linear(linear_spectrogram(wave, spec.spectrogram), spec)


def mel_of_linear(spectrogram: Tensor, spec: MelSpec = SOVITS_MEL) -> Tensor:
    """Log-mel spectrogram of a linear one.

    Args:
        spectrogram: (B, bins, F) linear amplitude.
        spec: bands.

    Returns:
        (B, spec.bands, F) natural-log amplitude.
    """
    bands = _filters(spec).to(spectrogram.device) @ spectrogram.float()
    return bands.clamp_min(_MEL_FLOOR).log()


def normalise_mel(mel: Tensor) -> Tensor:
    """Log-mels on the scale that v3 and v4 work in, about [-1, 1]."""
    return (mel - _MEL_LOW) / _MEL_SPAN * 2 - 1


def denormalise_mel(mel: Tensor) -> Tensor:
    """Log-mels from the scale that v3 and v4 work in."""
    return (mel + 1) / 2 * _MEL_SPAN + _MEL_LOW


@lru_cache(maxsize=8)
def _filters(spec: MelSpec) -> Tensor:
    """Slaney's triangular filters, (bands, bins)."""
    from librosa.filters import mel

    table = mel(
        sr=spec.spectrogram.rate_hz,
        n_fft=spec.spectrogram.fft_samples,
        n_mels=spec.bands,
        fmin=spec.low_hz,
        fmax=spec.high_hz,
    )
    return torch.from_numpy(table).float()
