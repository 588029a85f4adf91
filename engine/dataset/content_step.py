"""What is done to each clip in 1b: its 32 kHz copy for training, and what is said in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.audio.io import read_audio, write_wav
from engine.audio.levels import Pcm16, training_copy
from engine.audio.resample import Samples, resample
from engine.dataset.crew import Kept
from engine.protocol.errors import BadAudio, EngineError, MissingFile
from engine.protocol.files import replacing

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from engine.models.hubert import ContentEncoder

RATE_HZ: Final = 32000
CONTENT_HZ: Final = 16000
LONGEST_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentTask:
    """A clip's recording, and where its copy and its content features go."""

    source: Path
    copy: Path
    features: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A recording as it was read.

    Attributes:
        pcm: (S,) its copy for training at 32 kHz; None when it cannot be used.
        content: (S,) what the content encoder hears, at 16 kHz.
        warnings: What is wrong with the file, though it can be used.
        fault: Why it cannot be used; else empty.
    """

    task: ContentTask
    pcm: Pcm16 | None = None
    content: Samples | None = None
    warnings: tuple[str, ...] = ()
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipReport:
    """What came out for a clip.

    Attributes:
        warnings: What is wrong with its file, though it can be used.
        fault: Why it was left out; else empty.
    """

    warnings: tuple[str, ...] = ()
    fault: str = ""


@dataclass(frozen=True, slots=True)
class ContentStep:
    """Reads clips, lets the content encoder hear them, and writes both files of each."""

    encoder: Path

    def read(self, group: Sequence[ContentTask]) -> list[Heard]:
        """The recordings, levelled and at both rates."""
        return [_hear(task) for task in group]

    def make(self, ready: Sequence[Heard], device: str, kept: Kept) -> list[ClipReport]:
        """Writes copies and features; a report for each clip.

        Raises:
            MissingModel: there is no content encoder.
            BadCheckpoint: it cannot be read.
            OutOfSpace: a file cannot be written.
        """
        import torch

        from engine.models.hubert import load_content_encoder

        if all(heard.fault for heard in ready):
            return [_report(heard) for heard in ready]
        encoder = kept.get("content encoder", lambda: load_content_encoder(self.encoder).to(device))
        with torch.inference_mode():
            found = _encode(encoder, ready, torch.device(device))
        return [_written(heard, content) for heard, content in zip(ready, found, strict=True)]


def _hear(task: ContentTask) -> Heard:
    warnings: list[str] = []
    try:
        samples = read_audio(task.source, RATE_HZ, warnings.append)
        _require_short(samples, task.source)
        levelled = training_copy(samples)
    except (BadAudio, MissingFile) as error:
        return Heard(task=task, fault=error.message, warnings=tuple(warnings))
    content = resample(levelled.content, RATE_HZ, CONTENT_HZ)
    return Heard(task=task, pcm=levelled.pcm, content=content, warnings=tuple(warnings))


def _require_short(samples: Samples, source: Path) -> None:
    if samples.size > LONGEST_S * RATE_HZ:
        raise BadAudio(
            f"{source} is {samples.size / RATE_HZ:.0f} s long; at most {LONGEST_S:.0f} s can be learnt. "
            "Slice it first."
        )


def _encode(
    encoder: ContentEncoder, ready: Sequence[Heard], device: torch.device
) -> list[Tensor | EngineError]:
    """Features, (1, C, T) on the CPU, or why there are none, for each recording."""
    import torch

    waves = [None if heard.content is None else torch.from_numpy(heard.content) for heard in ready]
    there = [wave.to(device) for wave in waves if wave is not None]
    try:
        together = iter(encoder.encode_each(there))
        return [BadAudio(heard.fault) if heard.fault else next(together).float().cpu() for heard in ready]
    except (torch.OutOfMemoryError, BadAudio) as error:
        if len(ready) > 1:  # one of them may be too long or too short; the others are not
            return [found for heard in ready for found in _encode(encoder, [heard], device)]
        if isinstance(error, BadAudio):
            return [error]
        source = ready[0].task.source
        return [BadAudio(f"{source} is too long for the memory of the GPU. Slice it into shorter clips.")]


def _written(heard: Heard, content: Tensor | EngineError) -> ClipReport:
    import torch

    if isinstance(content, EngineError):
        return _report(heard, content.message)
    if heard.pcm is None or not bool(torch.isfinite(content).all()):
        return _report(heard, f"The content encoder fails on {heard.task.source}.")
    write_wav(heard.task.copy, heard.pcm, RATE_HZ)
    with replacing(heard.task.features) as temporary:
        torch.save(content.clone(), temporary)
    return _report(heard)


def _report(heard: Heard, fault: str = "") -> ClipReport:
    return ClipReport(warnings=heard.warnings, fault=heard.fault or fault)
