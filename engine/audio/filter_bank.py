"""Log filter banks as Kaldi defines them, for networks that were trained on its features."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_SMALLEST = torch.finfo(torch.float32).eps


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterBankSpec:
    """How a filter bank is taken; the defaults are Kaldi's for 16 kHz, with 80 bands.

    Attributes:
        rate_hz: Sample rate.
        bands: Number of bands.
        frame_samples: Length of a frame.
        hop_samples: Samples between two frames.
        fft_samples: Length of the transform that a frame is padded to; even.
        low_hz: Lower end of the lowest band; the highest ends at half the sample rate.
        emphasis: Share of the sample before that is taken off every sample.
        window_power: Power of the Hann window.
    """

    rate_hz: int = 16000
    bands: int = 80
    frame_samples: int = 400
    hop_samples: int = 160
    fft_samples: int = 512
    low_hz: float = 20.0
    emphasis: float = 0.97
    window_power: float = 0.85


def filter_bank(wave: Tensor, spec: FilterBankSpec | None = None) -> Tensor:
    """Log energies of mono audio in mel bands, without dither.

    Args:
        wave: (B, S) float32 in [-1, 1], at least one frame long.
        spec: frames and bands.

    Returns:
        (B, F, bands) float32, F = (S - frame) // hop + 1: only whole frames are taken.

    Source: Kaldi's feature-window and mel-computations, as facts; parity:
    tests/parity/test_eres2netv2.py.
    """
    spec = spec or FilterBankSpec()
    frames = wave.float().unfold(1, spec.frame_samples, spec.hop_samples)
    frames = frames - frames.mean(dim=2, keepdim=True)
    before = torch.cat((frames[..., :1], frames[..., :-1]), dim=2)
    window = torch.hann_window(spec.frame_samples, periodic=False, device=wave.device) ** spec.window_power
    shaped = (frames - spec.emphasis * before) * window
    power = torch.fft.rfft(shaped, n=spec.fft_samples).abs().square()
    energies = power @ _triangles(spec).to(wave.device)
    logarithm: Tensor = energies.clamp(min=_SMALLEST).log()
    return logarithm


def _triangles(spec: FilterBankSpec) -> Tensor:
    """(fft / 2 + 1, bands) weights of the bins in every band; triangles on the mel scale."""
    nyquist_hz = spec.rate_hz / 2
    low, high = _mel(torch.tensor([spec.low_hz, nyquist_hz], dtype=torch.float64))
    step = (high - low) / (spec.bands + 1)
    starts = low + step * torch.arange(spec.bands, dtype=torch.float64)
    bins = _mel(torch.linspace(0, nyquist_hz, spec.fft_samples // 2 + 1, dtype=torch.float64)).unsqueeze(1)
    rising = (bins - starts) / step
    return torch.minimum(rising, 2 - rising).clamp(min=0).float()


def _mel(hertz: Tensor) -> Tensor:
    mel: Tensor = 1127.0 * torch.log1p(hertz / 700.0)
    return mel
