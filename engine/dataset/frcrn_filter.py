"""Takes noise out with FRCRN, when its published model lies in the workspace."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import torch

from engine.audio.resample import Samples
from engine.checkpoints.reader import read_value
from engine.models.frcrn import HOP, RATE_HZ, WINDOW, Frcrn, load_published
from engine.protocol.errors import BadCheckpoint, MissingModel

WEIGHTS: Final = "pytorch_model.bin"
_STRETCH_S: Final = 10
_AROUND: Final = RATE_HZ
_LEVEL: Final = 10 ** (-25 / 20)
"""Loudness that the network was trained at: -25 dB of full scale."""


class FrcrnFilter:
    """The loaded network."""

    def __init__(self, folder: Path) -> None:
        """Loads the network.

        Raises:
            MissingModel: its file is not there.
            BadCheckpoint: the file is damaged, would run code, or is another network's.
        """
        path = folder / WEIGHTS
        if not path.is_file():
            raise MissingModel(
                f"The noise filter FRCRN is not in {folder}: {WEIGHTS} missing.",
                hint=f"Put the files of speech_frcrn_ans_cirm_16k from modelscope.cn into {folder}, or choose"
                " DeepFilterNet.",
            )
        found = read_value(path)
        if isinstance(found, dict) and isinstance(found.get("state_dict"), dict):
            found = found["state_dict"]
        if not isinstance(found, dict):
            raise BadCheckpoint(f"{path} holds no weights.", hint="Download the model's files again.")
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._network = Frcrn()
        load_published(
            self._network,
            {str(name): value for name, value in found.items() if isinstance(value, torch.Tensor)},
        )
        self._network.eval().to(self._device)

    def clean(self, samples: Samples, go_on: Callable[[], None] = lambda: None) -> Samples:
        """A recording without its noise, as loud as it was.

        Args:
            samples: (S,) float32, mono, 16 kHz.
            go_on: called every ten seconds of sound; what it raises ends the work.

        Returns:
            (S,) float32, in time with what went in.
        """
        gain = _gain(samples)
        made = np.empty_like(samples)
        step = _STRETCH_S * RATE_HZ
        for start in range(0, samples.size, step):
            go_on()
            first = max(0, start - _AROUND)
            piece = self._clean(samples[first : start + step + _AROUND] * gain)
            stop = min(start + step, samples.size)
            made[start:stop] = piece[start - first : stop - first]
        return made / np.float32(gain)

    def _clean(self, piece: Samples) -> Samples:
        """One stretch, with a frame of silence before it and whole frames behind."""
        behind = HOP + -(piece.size + 2 * HOP - WINDOW) % HOP
        wave = np.pad(piece, (HOP, max(behind, WINDOW - HOP - piece.size)))
        with torch.inference_mode():
            made = self._network(torch.from_numpy(wave)[None].to(self._device))[0]
        found: Samples = made.cpu().numpy()[HOP : HOP + piece.size]
        return found


def _gain(samples: Samples) -> float:
    """What brings a recording to the level of training; what is louder than average counts for speech."""
    power = np.square(samples, dtype=np.float64)
    loud = power[power > power.mean()]
    return float(_LEVEL / np.sqrt(loud.mean())) if loud.size else 1.0
