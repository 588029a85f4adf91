"""Clips of a speaker that do not sound like the others of that speaker."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from engine.audio.resample import Samples, resample
from engine.corpus.ledger import file_mark
from engine.protocol.context import Context
from engine.protocol.label_list import LabelRow
from engine.protocol.versions import VERSIONS
from engine.protocol.workspace import Workspace

if TYPE_CHECKING:
    from engine.models.speaker_encoder import SpeakerEncoder

FEWEST: Final = 5
"""With fewer clips nobody can say what the speaker sounds like."""
LEAST_ALIKE: Final = 0.5
_SPREADS: Final = 4.0
_KEPT: Final = 256
_SHORTEST_S: Final = 0.5

Vector = NDArray[np.float32]


@dataclass(slots=True, kw_only=True)
class SpeakerCheck:
    """The voices of the clips, as far as there is a speaker encoder.

    Attributes:
        weights: The speaker encoder's file; None without one.
        context: Keeps the encoder.
    """

    weights: Path | None
    context: Context
    not_checked: tuple[str, ...] = ()
    _voices: dict[str, list[tuple[LabelRow, Vector]]] = field(default_factory=dict)

    @classmethod
    def of(cls, workspace: Workspace, context: Context) -> SpeakerCheck:
        """With the workspace's speaker encoder, where there is one."""
        name = next(row.pretrained.speaker_encoder for row in VERSIONS.values() if row.speaker_embedding)
        path = workspace.pretrained / str(name)
        if path.is_file():
            return cls(weights=path, context=context)
        return cls(
            weights=None,
            context=context,
            not_checked=(f"Whether all clips are of one speaker: there is no speaker encoder at {path}.",),
        )

    @property
    def mark(self) -> str:
        """Changes with the encoder."""
        return file_mark(self.weights) if self.weights is not None else ""

    def listen(self, row: LabelRow, samples: Samples, rate_hz: int) -> list[float] | None:
        """Hears a clip; what is kept of its voice, None without an encoder."""
        if self.weights is None or samples.size < _SHORTEST_S * rate_hz:
            return None
        import torch

        from engine.models.speaker_encoder import RATE_HZ

        wave = torch.from_numpy(resample(samples, rate_hz, RATE_HZ))[None]
        with torch.no_grad():
            voice = self._encoder().embed(wave)[0].numpy()
        kept = [round(float(value), 5) for value in _folded(voice)]
        self.take(row, kept)
        return kept

    def take(self, row: LabelRow, voice: list[float] | None) -> None:
        """Takes in what was kept of a clip's voice."""
        if voice:
            self._voices.setdefault(row.speaker, []).append((row, np.asarray(voice, np.float32)))

    def outliers(self) -> list[tuple[int, str, str, str]]:
        """Line, clip, likeness and limit of every clip that sounds unlike the others of its speaker."""
        found = []
        for heard in self._voices.values():
            if len(heard) < FEWEST:
                continue
            voices = np.stack([voice / (np.linalg.norm(voice) + 1e-9) for _, voice in heard])
            middle = np.median(voices, axis=0)
            alike = voices @ (middle / (np.linalg.norm(middle) + 1e-9))
            usual = float(np.median(alike))
            spread = float(np.median(np.abs(alike - usual)))
            limit = min(usual - _SPREADS * spread, LEAST_ALIKE)
            found += [
                (row.line, row.path, f"{value:.2f} like the others", f"at least {limit:.2f}")
                for (row, _), value in zip(heard, alike.tolist(), strict=True)
                if value < limit
            ]
        return found

    def _encoder(self) -> SpeakerEncoder:
        from engine.models.speaker_encoder import load_speaker_encoder

        path = self.weights
        if path is None:
            raise ValueError("there is no speaker encoder")
        return self.context.keep(f"speaker encoder {path}", lambda: load_speaker_encoder(path))


def _folded(voice: Vector) -> Vector:
    """A long vector as _KEPT numbers that keep angles about: sums with fixed random signs."""
    signs = np.random.default_rng(0).choice(np.asarray([-1, 1], np.float32), size=(_KEPT, voice.size))
    folded: Vector = signs @ voice
    return folded
