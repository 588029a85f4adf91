"""Cuts clips in two and joins them: always into new files, the old ones stay."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from engine.protocol.builtin import resource
from engine.protocol.errors import BadAudio, BadParameters, MissingFile, OutOfSpace
from engine.protocol.files import replacing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

SHORTEST_S: Final = 0.1
"""A part shorter than this is no clip."""
_SUBTYPES: Final = frozenset({"PCM_16", "PCM_24", "FLOAT"})


def split_clip(clip: Path, second: float, labels: Path) -> tuple[Path, Path]:
    """Writes both parts of a clip beside it.

    Args:
        clip: a sound file.
        second: where to cut.
        labels: the label file, beside which the parts go when the clip is the program's own.

    Returns:
        The new files.

    Raises:
        MissingFile: there is no such clip.
        BadAudio: it cannot be read.
        BadParameters: one part would be shorter than SHORTEST_S.
        OutOfSpace: a part cannot be written.
    """
    samples, rate_hz, subtype = _read(clip)
    at = round(second * rate_hz)
    if min(at, len(samples) - at) < SHORTEST_S * rate_hz:
        raise BadParameters(
            f"{clip.name} cannot be cut at {second:.2f} s: one part would be too short.",
            hint="Click into the waveform where the second part is to begin.",
        )
    folder = _folder(clip, labels)
    first = _write(_free(folder, f"{clip.stem}_a"), samples[:at], rate_hz, subtype)
    return first, _write(_free(folder, f"{clip.stem}_b"), samples[at:], rate_hz, subtype)


def join_clips(clips: Sequence[Path], pause_s: float, labels: Path) -> Path:
    """Writes clips one after the other into a new file, at the rate of the first.

    Raises:
        MissingFile: one is not there.
        BadAudio: one cannot be read.
        OutOfSpace: the file cannot be written.
    """
    import numpy as np
    import soxr

    first, rate_hz, subtype = _read(clips[0])
    parts = [first]
    for clip in clips[1:]:
        samples, own_hz, _ = _read(clip)
        parts.append(np.zeros(round(pause_s * rate_hz), np.float32))
        parts.append(samples if own_hz == rate_hz else soxr.resample(samples, own_hz, rate_hz))
    target = _free(_folder(clips[0], labels), f"{clips[0].stem}_joined")
    return _write(target, np.concatenate(parts), rate_hz, subtype)


def clip_length(clip: Path) -> float | None:
    """Length of a clip in seconds, from its head; None where it cannot be told."""
    import soundfile

    try:
        info = soundfile.info(str(clip))
    except (soundfile.LibsndfileError, RuntimeError):
        return None
    return float(info.frames / info.samplerate)


def _read(clip: Path) -> tuple[Samples, int, str]:
    import soundfile

    if not clip.is_file():
        raise MissingFile(f"There is no sound file at {clip}.", hint="Find the moved files first.")
    try:
        with soundfile.SoundFile(str(clip)) as sound:
            samples = sound.read(dtype="float32", always_2d=True).mean(axis=1)
            return samples, int(sound.samplerate), str(sound.subtype)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise BadAudio(
            f"{clip.name} cannot be read.",
            hint="It may be damaged, or of an unknown kind.",
            detail=str(error),
        ) from error


def _folder(clip: Path, labels: Path) -> Path:
    own = clip.resolve().is_relative_to(resource().resolve())
    return labels.parent if own else clip.parent


def _free(folder: Path, stem: str) -> Path:
    """A WAV file that is not there yet."""
    number = 1
    path = folder / f"{stem}.wav"
    while path.exists():
        number += 1
        path = folder / f"{stem}{number}.wav"
    return path


def _write(path: Path, samples: Samples, rate_hz: int, subtype: str) -> Path:
    import soundfile

    try:
        with replacing(path) as temporary, temporary.open("wb") as file:
            kept = subtype if subtype in _SUBTYPES else "PCM_16"
            soundfile.write(file, samples, rate_hz, format="WAV", subtype=kept)
    except soundfile.LibsndfileError as error:
        raise OutOfSpace(
            f"{path} cannot be written.", hint="Free some space or choose another folder.", detail=str(error)
        ) from error
    return path
