"""Spectra in bands of different resolution, as the VR networks of UVR hear sound.

Source of the formulas: Ultimate Vocal Remover's multi-band spectrograms; the tables come with the library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.audio.resample import resample
from engine.audio.stereo import Stereo
from engine.dataset.separation.stems import RATE_HZ
from engine.protocol.errors import BadParameters

_NOT_PLAIN = ("mid_side", "mid_side_b2", "reverse", "stereo_w", "stereo_n", "mid_side_b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A stretch of frequencies.

    Attributes:
        rate_hz: Rate at which it is analysed.
        hop: Samples from frame to frame.
        n_fft: Length of its transform.
        first: First row that is taken of its spectrum.
        end: Row after the last.
        fade_in: Rows over which its low end is faded in: above, below; None for the lowest band.
        fade_out: Rows over which its high end is faded out: below, above; None for the highest.
    """

    rate_hz: int
    hop: int
    n_fft: int
    first: int
    end: int
    fade_in: tuple[int, int] | None
    fade_out: tuple[int, int] | None

    def analysed(self, sound: Stereo) -> Tensor:
        """(2, S) -> (2, n_fft / 2 + 1, F) complex."""
        return torch.stft(
            torch.from_numpy(np.ascontiguousarray(sound)),
            self.n_fft,
            self.hop,
            window=torch.hann_window(self.n_fft),
            center=True,
            pad_mode="constant",
            return_complex=True,
        )

    def sounding(self, rows: Tensor) -> Stereo:
        """(2, n_fft / 2 + 1, F) complex -> (2, S); the ends are faded first."""
        gain = torch.ones(rows.shape[1])
        if self.fade_in:
            top, bottom = self.fade_in[0], self.fade_in[1] - 1
            gain[bottom + 1 : top + 1] = torch.arange(top - bottom).float() / (top - bottom)
            gain[: bottom + 1] = 0
        if self.fade_out:
            bottom, top = self.fade_out
            gain[bottom:top] *= 1 - (torch.arange(top - bottom) + 1).float() / (top - bottom)
            gain[top:] = 0
        made: Stereo = torch.istft(
            rows * gain[None, :, None],
            self.n_fft,
            self.hop,
            window=torch.hann_window(self.n_fft),
            center=True,
        ).numpy()
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Bands:
    """The bands of a network, lowest first.

    Attributes:
        bands: The bands; the last is at the network's own rate.
        bins: Rows of the joined spectrum, its last row aside.
        soft: Rows over which the joined spectrum is faded out, for the network's sake.
    """

    bands: tuple[Band, ...]
    bins: int
    soft: tuple[int, int]

    @classmethod
    def parsed(cls, table: Mapping[str, Any]) -> Self:
        """The bands of a table of UVR's.

        Raises:
            BadParameters: something is missing in it, or the bands are not plain stereo at 44.1 kHz.
        """
        try:
            given = [table["band"][key] for key in sorted(table["band"], key=int)]
            made = cls(
                bands=tuple(_band(band) for band in given),
                bins=int(table["bins"]),
                soft=(int(table["pre_filter_start"]), int(table["pre_filter_stop"])),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BadParameters(
                "The table of bands cannot be used.",
                hint="Take the one that belongs to the model.",
                detail=repr(error),
            ) from error
        odd = [name for name in _NOT_PLAIN if table.get(name)]
        odd += ["convert_channels"] if any("convert_channels" in band for band in given) else []
        if odd or made.bands[-1].rate_hz != RATE_HZ or sum(b.end - b.first for b in made.bands) > made.bins:
            raise BadParameters(
                f"Models with these bands are not supported ({', '.join(odd) or 'rates'}).",
                hint="Use a model for plain stereo at 44.1 kHz, such as HP2, HP5 or VR-DeEcho.",
            )
        return made

    @property
    def split_row(self) -> int:
        """The row up to which aggressiveness counts a third."""
        return self.bands[0].end

    def analysed(self, mix: Stereo) -> tuple[Tensor, Tensor]:
        """The joined spectrum (2, bins + 1, F) of (2, S), and what lies above it in the highest band."""
        sounds = [np.pad(mix, ((0, 0), (0, self.bands[-1].n_fft)))]  # else the last frame is lost
        for lower, higher in zip(self.bands[-2::-1], self.bands[:0:-1], strict=True):
            sounds.insert(0, _changed(sounds[0], higher.rate_hz, lower.rate_hz))
        spectra = [band.analysed(sound) for band, sound in zip(self.bands, sounds, strict=True)]
        frames = min(spectrum.shape[2] for spectrum in spectra)
        rows = [
            spectrum[:, band.first : band.end, :frames]
            for band, spectrum in zip(self.bands, spectra, strict=True)
        ]
        joined = torch.cat(rows, dim=1)
        joined = torch.nn.functional.pad(joined, (0, 0, 0, self.bins + 1 - joined.shape[1]))
        top = self.bands[-1]
        above = spectra[-1][:, top.n_fft // 2 - self._above : top.n_fft // 2, :frames]
        return joined * self._softly(), above

    def sounding(self, joined: Tensor, above: Tensor, samples: int) -> Stereo:
        """(2, bins + 1, F) -> (2, samples).

        Args:
            joined: A stem's spectrum.
            above: What lies above it in the whole recording: the stem gets its mirror image, no louder.
            samples: Wanted length.
        """
        made = np.zeros((2, 0), np.float32)
        row = 0
        for number, band in enumerate(self.bands):
            full = torch.zeros(2, band.n_fft // 2 + 1, joined.shape[2], dtype=joined.dtype)
            height = band.end - band.first
            full[:, band.first : band.end] = joined[:, row : row + height]
            row += height
            if band is self.bands[-1]:
                full[:, band.n_fft // 2 - self._above : band.n_fft // 2] = self._mirrored(joined, above)
            sound = band.sounding(full)
            if number:
                sound = _added(_changed(made, self.bands[number - 1].rate_hz, band.rate_hz), sound)
            made = sound
        return _fitted(made, samples)

    @property
    def _above(self) -> int:
        top = self.bands[-1]
        return top.n_fft // 2 - top.end + self.soft[1] - self.soft[0]

    def _softly(self) -> Tensor:
        gain = torch.ones(self.bins + 1)
        before = 1.0
        for row in range(self.soft[0] + 1, self.soft[1]):
            before = float(10 ** (-(row - self.soft[0]) * (3.5 - before) / 20))
            gain[row] = before
        return gain[None, :, None]

    def _mirrored(self, joined: Tensor, above: Tensor) -> Tensor:
        end = self.soft[0] - 10
        image = joined[:, end - self._above : end].abs().flip(1)
        return torch.polar(torch.minimum(image, above.abs()), above.angle())


def _band(given: Mapping[str, Any]) -> Band:
    fade_in = (int(given["hpf_start"]), int(given["hpf_stop"])) if given.get("hpf_start", -1) > 0 else None
    fade_out = (int(given["lpf_start"]), int(given["lpf_stop"])) if "lpf_start" in given else None
    return Band(
        rate_hz=int(given["sr"]),
        hop=int(given["hl"]),
        n_fft=int(given["n_fft"]),
        first=int(given["crop_start"]),
        end=int(given["crop_stop"]),
        fade_in=fade_in,
        fade_out=fade_out,
    )


def _changed(sound: Stereo, from_hz: int, to_hz: int) -> Stereo:
    return np.stack([resample(channel, from_hz, to_hz) for channel in np.ascontiguousarray(sound)])


def _added(one: Stereo, other: Stereo) -> Stereo:
    return _fitted(one, other.shape[1]) + other


def _fitted(sound: Stereo, samples: int) -> NDArray[np.float32]:
    short = samples - sound.shape[1]
    return np.pad(sound, ((0, 0), (0, short))) if short > 0 else sound[:, :samples]
