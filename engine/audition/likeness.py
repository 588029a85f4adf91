"""How much speech sounds like the clips that a voice was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from engine.audio.filter_bank import FilterBankSpec, filter_bank
from engine.audio.io import read_audio
from engine.corpus.ledger import file_mark
from engine.models.speaker_encoder import SpeakerEncoder, load_speaker_encoder
from engine.protocol.errors import BadAudio, MissingFile
from engine.protocol.versions import VERSIONS
from engine.protocol.workspace import Experiment, Workspace

RATE_HZ: Final = FilterBankSpec().rate_hz
FULL_DISTANCE_DB: Final = 20.0
"""A mean difference between two spectra at which nothing is left of their likeness."""
_MOST_CLIPS: Final = 24
_SHORTEST_S: Final = 0.5

Vector = NDArray[np.float32]


class Ear(Protocol):
    """Something that hears who speaks."""

    @property
    def name(self) -> str:
        """What it is, for people."""

    @property
    def mark(self) -> str:
        """Changes with it."""

    def vector(self, path: Path) -> Vector | None:
        """What it keeps of a recording; None for one that is too short."""

    def alike(self, one: Vector, other: Vector) -> float:
        """1 for the same voice; 0 and less for another one."""


class SpeakerEar:
    """The cosine of speaker vectors (ERes2NetV2)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._encoder: SpeakerEncoder | None = None

    @property
    def name(self) -> str:
        """The encoder's file."""
        return f"speaker encoder {self._path.name}"

    @property
    def mark(self) -> str:
        """Changes with the file."""
        return file_mark(self._path)

    def vector(self, path: Path) -> Vector | None:
        """(V,) the speaker vector, of length 1."""
        wave = _wave(path)
        if wave is None:
            return None
        if self._encoder is None:
            self._encoder = load_speaker_encoder(self._path)
        found: Vector = self._encoder.embed(wave)[0].float().numpy()
        return found / np.float32(np.linalg.norm(found) + 1e-9)

    def alike(self, one: Vector, other: Vector) -> float:
        """The cosine, -1 to 1."""
        length = float(np.linalg.norm(one) * np.linalg.norm(other))
        return float(one @ other) / (length + 1e-9)


class SpectrumEar:
    """How near the average spectra are: all that can be said without a speaker encoder."""

    name = "average spectrum (rough: there is no speaker encoder)"
    mark = "average spectrum 1"

    def vector(self, path: Path) -> Vector | None:
        """(bands,) mean energies of the louder half, dB, without their common level."""
        wave = _wave(path)
        if wave is None:
            return None
        bands = filter_bank(wave)[0] * (10 / np.log(10))  # (F, bands)
        loud = bands.mean(dim=1)
        mean = bands[loud >= loud.median()].mean(dim=0)
        return np.asarray((mean - mean.mean()).numpy(), np.float32)

    def alike(self, one: Vector, other: Vector) -> float:
        """1 for equal spectra, 0 where they differ by FULL_DISTANCE_DB on average."""
        return max(0.0, 1 - float(np.abs(one - other).mean()) / FULL_DISTANCE_DB)


def best_ear(workspace: Workspace) -> Ear:
    """The speaker encoder of the workspace, else the average spectrum."""
    name = next(row.pretrained.speaker_encoder for row in VERSIONS.values() if row.speaker_embedding)
    path = workspace.pretrained / str(name)
    return SpeakerEar(path) if path.is_file() else SpectrumEar()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedVoice:
    """The voice of the training clips.

    Attributes:
        ear: What hears it.
        middle: The mean of its vectors.
        own: How much the clips themselves are like that mean: what a perfect copy would reach.
    """

    ear: Ear
    middle: Vector
    own: float

    def likeness(self, path: Path) -> float | None:
        """How much a recording sounds like it; None for one that is too short."""
        found = self.ear.vector(path)
        return None if found is None else round(self.ear.alike(found, self.middle), 4)


def hear_clips(experiment: Experiment, ear: Ear) -> TrainedVoice | None:
    """The voice of an experiment's clips, or of a good sample of them; None without clips."""
    clips = spread(sorted(experiment.wav_folder.glob("*")), _MOST_CLIPS)
    vectors = [vector for path in clips if (vector := _try(ear, path)) is not None]
    if not vectors:
        return None
    middle = np.mean(np.stack(vectors), axis=0)
    own = float(np.mean([ear.alike(vector, middle) for vector in vectors]))
    return TrainedVoice(ear=ear, middle=middle, own=round(own, 4))


def spread(paths: Sequence[Path], most: int) -> list[Path]:
    """At most so many of the paths, taken evenly."""
    if len(paths) <= most:
        return list(paths)
    return [paths[place * len(paths) // most] for place in range(most)]


def _try(ear: Ear, path: Path) -> Vector | None:
    try:
        return ear.vector(path)
    except (BadAudio, MissingFile):
        return None  # a clip less; the check of the dataset names such clips


def _wave(path: Path) -> torch.Tensor | None:
    """(1, S) a recording at 16 kHz; None for one that is too short."""
    samples = read_audio(path, RATE_HZ)
    return torch.from_numpy(samples)[None] if samples.size >= _SHORTEST_S * RATE_HZ else None
