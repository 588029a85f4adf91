"""Speaker vectors of the clips: who speaks, for model versions that are told so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.audio.io import read_audio
from engine.audio.resample import Samples
from engine.corpus.ledger import Ledger, file_mark, fingerprint, size_of
from engine.dataset.content_step import ClipReport
from engine.dataset.crew import Kept
from engine.protocol.errors import BadAudio, BadCheckpoint, MissingFile, MissingModel
from engine.protocol.files import replacing
from engine.protocol.workspace import Experiment

if TYPE_CHECKING:
    from engine.models.speaker_encoder import SpeakerEncoder


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerTask:
    """A clip's 32 kHz copy, and where the vector of its speaker goes."""

    copy: Path
    vector: Path


@dataclass(frozen=True, slots=True)
class SpeakerStep:
    """Writes the vectors of clips."""

    encoder: Path

    def read(self, group: Sequence[SpeakerTask]) -> list[tuple[SpeakerTask, Samples | None, ClipReport]]:
        """The copies, at the encoder's rate."""
        return [(task, *_read(task.copy)) for task in group]

    def make(
        self, ready: Sequence[tuple[SpeakerTask, Samples | None, ClipReport]], device: str, kept: Kept
    ) -> list[ClipReport]:
        """Writes a vector for each copy that can be used; a report for each.

        Raises:
            BadCheckpoint: the encoder's file is damaged or of another kind.
            OutOfSpace: a vector cannot be written.
        """
        from engine.models.speaker_encoder import load_speaker_encoder

        encoder = kept.get("speaker encoder", lambda: load_speaker_encoder(self.encoder).to(device))
        return [
            report if samples is None else self._write(encoder, task, samples, report)
            for task, samples, report in ready
        ]

    @staticmethod
    def _write(
        encoder: SpeakerEncoder, task: SpeakerTask, samples: Samples, report: ClipReport
    ) -> ClipReport:
        import torch

        device = encoder.conv1.weight.device
        try:
            vector = encoder.embed(torch.from_numpy(samples)[None].to(device)).float().cpu()
        except BadAudio as error:
            return replace(report, fault=error.message)
        with replacing(task.vector) as temporary:
            torch.save(vector.clone(), temporary)
        return report


def _read(path: Path) -> tuple[Samples | None, ClipReport]:
    from engine.models.speaker_encoder import RATE_HZ

    warnings: list[str] = []
    try:
        samples = read_audio(path, RATE_HZ, warnings.append)
    except (BadAudio, MissingFile) as error:
        return None, ClipReport(fault=error.message)
    return samples, ClipReport(warnings=tuple(warnings))


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerVectors:
    """Knows `7-sv_cn/<clip>.pt`, (1, V), made from the 32 kHz copies of an experiment's clips.

    Attributes:
        experiment: Where the copies are, and the vectors go.
        weights: The speaker encoder's file.
    """

    experiment: Experiment
    weights: Path

    def task(self, name: str) -> SpeakerTask:
        """What is to be done for a clip of this file name."""
        return SpeakerTask(
            copy=self.experiment.wav_folder / name, vector=self.experiment.speaker_folder / f"{name}.pt"
        )

    def there(self, name: str, ledger: Ledger) -> bool:
        """Whether the vector of a clip is there, be it from the original.

        Args:
            name: the clip's file name; its copy in `5-wav32k` must be there.
            ledger: knows what is done; the vector's key in it is `7-sv_cn/<clip>`.
        """
        task = self.task(name)
        key = self._key(name)
        if ledger.done(key, self._wanted(task)):
            return True
        if ledger.entry(key) is not None or not self._made_from(task.copy, task.vector):
            return False
        self.record(name, ledger)
        return True

    def record(self, name: str, ledger: Ledger) -> None:
        """Notes that the vector of a clip is there."""
        task = self.task(name)
        ledger.record(self._key(name), self._wanted(task), [task.vector])

    def _key(self, name: str) -> str:
        return f"{self.experiment.speaker_folder.name}/{name}"

    def _wanted(self, task: SpeakerTask) -> str:
        return fingerprint(file_mark(task.copy), file_mark(self.weights))

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
