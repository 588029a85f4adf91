"""Speaker vectors of the clips: who speaks, for model versions that are told so."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.audio.io import read_audio
from engine.corpus.ledger import Ledger, file_mark, fingerprint, size_of
from engine.protocol.context import Context
from engine.protocol.errors import BadCheckpoint, MissingModel
from engine.protocol.files import replacing
from engine.protocol.workspace import Experiment

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerVectors:
    """Writes `7-sv_cn/<clip>.pt`, (1, V), from the 32 kHz copies of an experiment's clips.

    Attributes:
        experiment: Where the copies are, and the vectors go.
        weights: The speaker encoder's file; it is loaded when the first vector is made.
        device: Where it computes.
        context: Keeps the encoder between stages.
    """

    experiment: Experiment
    weights: Path
    device: torch.device
    context: Context

    def write(self, name: str, ledger: Ledger) -> bool:
        """Makes the vector of a clip unless it is there, be it from the original.

        Args:
            name: the clip's file name; its copy in `5-wav32k` must be there.
            ledger: knows what is done; the vector's key in it is `7-sv_cn/<clip>`.

        Returns:
            Whether anything had to be made.

        Raises:
            BadAudio: the copy is no sound, or too short.
            BadCheckpoint: the encoder's file is damaged or of another kind.
            OutOfSpace: the vector cannot be written.
        """
        copy = self.experiment.wav_folder / name
        path = self.experiment.speaker_folder / f"{name}.pt"
        key = f"{self.experiment.speaker_folder.name}/{name}"
        wanted = fingerprint(file_mark(copy), file_mark(self.weights))
        if ledger.done(key, wanted):
            return False
        fresh = ledger.entry(key) is not None or not self._made_from(copy, path)
        if fresh:
            self._make(copy, path)
        ledger.record(key, wanted, [path])
        return fresh

    @staticmethod
    def _made_from(copy: Path, path: Path) -> bool:
        """Whether a vector that was made elsewhere is there, readable and not older than its copy."""
        from engine.checkpoints.tensors import read_tensor

        if size_of(path) <= 0 or path.stat().st_mtime_ns < copy.stat().st_mtime_ns:
            return False
        try:
            vector = read_tensor(path)
        except BadCheckpoint:
            return False
        return vector.dim() == 2 and vector.shape[0] == 1  # (1, V)

    def _make(self, copy: Path, path: Path) -> None:
        import torch

        from engine.models.speaker_encoder import RATE_HZ, load_speaker_encoder

        encoder = self.context.keep(
            f"speaker encoder {file_mark(self.weights)} {self.device}",
            lambda: load_speaker_encoder(self.weights).to(self.device),
        )
        samples = read_audio(copy, RATE_HZ, lambda text: self.context.log(text, "warning"))
        vector = encoder.embed(torch.from_numpy(samples)[None].to(self.device)).float().cpu()
        with replacing(path) as temporary:
            torch.save(vector.clone(), temporary)


def require_speaker_encoder(path: Path | None) -> Path:
    """The encoder's file.

    Raises:
        MissingModel: there is none.
    """
    if path is None or not path.is_file():
        raise MissingModel(
            f"There is no speaker encoder at {path or 'hand'}.",
            hint="Put the ERes2NetV2 weights there, or choose their file.",
        )
    return path
