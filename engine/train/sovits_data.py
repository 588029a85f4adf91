"""What SoVITS learns from: sound, content features and phones."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from engine.audio.spectrogram import SpectrogramSpec, linear_spectrogram
from engine.checkpoints.tensors import read_tensor
from engine.corpus.limits import LONGEST_S, SHORTEST_S
from engine.models.sovits_config import SovitsConfig
from engine.models.sovits_training import SovitsDraws
from engine.modules.lengths import draw_starts
from engine.protocol.errors import BadCheckpoint, BadLabels, BadParameters, NothingToDo
from engine.protocol.results import Skipped
from engine.protocol.versions import ModelVersion
from engine.protocol.workspace import Experiment
from engine.text.symbols import phone_ids
from engine.train.plan import FRAME_EDGES
from engine.train.rows import STAGE_1B, read_phones

_MISSING_FRAMES: Final = 2
_SAMPLE_BYTES: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SovitsItem:
    """One clip.

    Attributes:
        name: The clip's file name.
        phones: Ids of its phones.
        sound: Its 32 kHz copy.
        content: File of its content features.
        speaker: File of its speaker vector; None where the network hears none.
        frames: Frames of its spectrogram.
    """

    name: str
    phones: tuple[int, ...]
    sound: Path
    content: Path
    speaker: Path | None = None
    frames: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SovitsBatch:
    """Clips that are learnt from at once, zero where padded; F is even.

    Attributes:
        ssl: (B, C, F) content features.
        spectrogram: (B, bins, F) linear amplitude.
        frames: (B,) frames with content.
        wave: (B, 1, F * hop) in [-1, 1].
        phones: (B, L) ids.
        phone_lengths: (B,).
        speaker: (B, V) speaker vectors; None where the network hears none.
        keys: What is drawn for each clip follows from its number here; None draws anew each time.
    """

    ssl: Tensor
    spectrogram: Tensor
    frames: Tensor
    wave: Tensor
    phones: Tensor
    phone_lengths: Tensor
    speaker: Tensor | None = None
    keys: tuple[int, ...] | None = None

    def to(self, device: torch.device) -> SovitsBatch:
        """The same on a device."""
        parts: dict[str, Any] = {}
        for part in fields(self):
            value = getattr(self, part.name)
            parts[part.name] = value.to(device) if isinstance(value, Tensor) else value
        return SovitsBatch(**parts)


def spectrogram_spec(config: SovitsConfig) -> SpectrogramSpec:
    """How a network's spectrograms are taken."""
    return SpectrogramSpec(
        rate_hz=config.rate_hz,
        fft_samples=config.fft_samples,
        hop_samples=config.hop_samples,
        window_samples=config.window_samples,
    )


def sovits_items(
    experiment: Experiment, version: ModelVersion, config: SovitsConfig
) -> tuple[list[SovitsItem], list[Skipped]]:
    """The clips of an experiment that SoVITS can learn from, and those left out with the reason.

    Raises:
        NothingToDo: stage 1a or 1b has not run, or no clip is left.
        BadLabels: a manifest is broken.
        BadParameters: the content features were made by an encoder of another width.
        BadCheckpoint: the network knows too few phones, or features are damaged.
    """
    phones = read_phones(experiment)
    _check_prepared(experiment, config)
    items: list[SovitsItem] = []
    skipped: list[Skipped] = []
    for name, spoken in phones.items():
        made = _item(name, phone_ids(spoken, version.name), experiment, config)
        if isinstance(made, SovitsItem):
            items.append(made)
        else:
            skipped.append(Skipped(name=name, reason=made))
    if not items:
        reasons = "; ".join(f"{one.name}: {one.reason}" for one in skipped[:3])
        raise NothingToDo(
            f"No clip of the experiment {experiment.name!r} can be learnt from ({reasons}).",
            hint=f"Check the clips, then run {STAGE_1B} again.",
        )
    _check_fit(items, config)
    return items, skipped


def _check_prepared(experiment: Experiment, config: SovitsConfig) -> None:
    needed = [experiment.ssl_folder, experiment.wav_folder]
    if config.speaker_channels:
        needed.append(experiment.speaker_folder)
    for folder in needed:
        if not folder.is_dir() or not any(folder.iterdir()):
            raise NothingToDo(
                f"The experiment {experiment.name!r} is not ready for training: {folder} is empty.",
                hint=f"Run {STAGE_1B} first.",
            )


def _item(
    name: str, phones: tuple[int, ...], experiment: Experiment, config: SovitsConfig
) -> SovitsItem | str:
    """The item of a clip, or the reason why there is none."""
    sound, content = experiment.wav_folder / name, experiment.ssl_folder / f"{name}.pt"
    if not phones:
        return "it has no phones"
    if not sound.is_file() or not content.is_file():
        return f"it has no content features: run {STAGE_1B}"
    speaker = experiment.speaker_folder / f"{name}.pt" if config.speaker_channels else None
    if speaker is not None and not speaker.is_file():
        return f"it has no speaker vector: run {STAGE_1B} for this model version"
    samples = _samples(sound, config.rate_hz)
    if isinstance(samples, str):
        return samples
    seconds = samples / config.rate_hz
    if not SHORTEST_S < seconds < LONGEST_S:
        return f"it is {seconds:.2f} s long; {SHORTEST_S} to {LONGEST_S:g} s can be learnt from"
    frames = samples // config.hop_samples
    lowest, highest = max(FRAME_EDGES[0], config.segment_frames), FRAME_EDGES[-1]
    if not lowest < frames <= highest:
        frame_s = config.hop_samples / config.rate_hz
        return f"it is {seconds:.2f} s long; {lowest * frame_s:.2f} to {highest * frame_s:g} s fit a batch"
    return SovitsItem(name=name, phones=phones, sound=sound, content=content, speaker=speaker, frames=frames)


def _samples(path: Path, rate_hz: int) -> int | str:
    """Number of samples of a 5-wav32k file, or what is wrong with it."""
    try:
        with wave.open(str(path), "rb") as stream:
            if (stream.getnchannels(), stream.getsampwidth(), stream.getframerate()) != (
                1,
                _SAMPLE_BYTES,
                rate_hz,
            ):
                return f"its copy in {path.parent.name} is no 16-bit mono sound at {rate_hz} Hz"
            return stream.getnframes()
    except (wave.Error, EOFError, OSError) as error:
        return f"its copy in {path.parent.name} cannot be read ({error}): run {STAGE_1B} again"


def _check_fit(items: Sequence[SovitsItem], config: SovitsConfig) -> None:
    channels = read_tensor(items[0].content).shape[-2]
    if channels != config.ssl_channels:
        raise BadParameters(
            f"The content features have {channels} channels; the SoVITS weights want {config.ssl_channels}: "
            "they were made with another content encoder.",
            hint=f"Choose models that belong together, remove the folder {items[0].content.parent} "
            f"and run {STAGE_1B} again.",
        )
    if max(max(item.phones) for item in items) >= config.symbol_rows:
        raise BadCheckpoint(
            f"The SoVITS weights know {config.symbol_rows} phones, too few for these clips.",
            hint="Choose pretrained SoVITS weights of this model version.",
        )


def drawn(batch: SovitsBatch, config: SovitsConfig, seed: int, step: int) -> SovitsDraws | None:
    """What a step draws for each clip: the same wherever, and beside whatever, the clip is learnt from."""
    if batch.keys is None:
        return None
    noise = torch.zeros(len(batch.keys), config.latent_channels, batch.spectrogram.shape[2])
    starts = []
    for row, (key, frames) in enumerate(zip(batch.keys, batch.frames.tolist(), strict=True)):
        words = np.random.SeedSequence([seed, step, key]).generate_state(2)
        source = torch.Generator().manual_seed(int(words[0]) << 31 | int(words[1]))
        starts.append(draw_starts(torch.tensor([frames]), config.segment_frames, source))
        noise[row, :, :frames] = torch.randn(config.latent_channels, frames, generator=source)
    device = batch.frames.device
    return SovitsDraws(noise=noise.to(device), starts=torch.cat(starts).to(device))


def sovits_batch(
    items: Sequence[SovitsItem], config: SovitsConfig, keys: tuple[int, ...] | None = None
) -> SovitsBatch:
    """The items as padded tensors.

    Args:
        items: the clips.
        config: what the network wants.
        keys: a number for each, from which follows what is drawn for it.

    Raises:
        BadLabels: content features do not fit their sound, or a speaker vector the network.
        BadCheckpoint: content features or a speaker vector are damaged.
    """
    spec = spectrogram_spec(config)
    longest = 2 * (max(item.frames for item in items) // 2 + 1)
    ssl, spectrograms, waves = [], [], []
    for item in items:
        sound = _sound(item.sound)
        spectrogram = linear_spectrogram(sound[None], spec)[0]
        ssl.append(_padded(_content(item, config), longest))
        spectrograms.append(_padded(spectrogram, longest))
        waves.append(_padded(sound[None], longest * config.hop_samples))
    return SovitsBatch(
        ssl=torch.stack(ssl),
        spectrogram=torch.stack(spectrograms),
        frames=torch.tensor([item.frames for item in items]),
        wave=torch.stack(waves),
        phones=pad_sequence([torch.tensor(item.phones) for item in items], batch_first=True),
        phone_lengths=torch.tensor([len(item.phones) for item in items]),
        speaker=_speakers(items, config),
        keys=keys,
    )


def _speakers(items: Sequence[SovitsItem], config: SovitsConfig) -> Tensor | None:
    """(B, V) speaker vectors of clips, where they have any."""
    vectors = []
    for item in items:
        if item.speaker is None:
            return None
        vector = read_tensor(item.speaker).float()
        if vector.shape != (1, config.speaker_channels):
            raise BadLabels(
                f"The speaker vector of {item.name} is {list(vector.shape)}; "
                f"the SoVITS weights want {[1, config.speaker_channels]}.",
                hint=f"Remove {item.speaker} and run {STAGE_1B} again.",
            )
        vectors.append(vector)
    return torch.cat(vectors)


def _padded(values: Tensor, steps: int) -> Tensor:
    """(C, T) with zeros up to a number of steps; what is beyond is cut."""
    return functional.pad(values[:, :steps], (0, max(steps - values.shape[1], 0)))


def _sound(path: Path) -> Tensor:
    """(S,) float32 in [-1, 1)."""
    with wave.open(str(path), "rb") as stream:
        data = stream.readframes(stream.getnframes())
    return torch.from_numpy(np.frombuffer(data, "<i2").astype(np.float32) / 32768)


def _content(item: SovitsItem, config: SovitsConfig) -> Tensor:
    """(C, F) content features, the last frame repeated where the encoder gave one or two fewer."""
    features = read_tensor(item.content).float()
    features = features[0] if features.ndim == 3 else features
    missing = item.frames - features.shape[-1]
    if features.ndim != 2 or features.shape[0] != config.ssl_channels or abs(missing) > _MISSING_FRAMES:
        raise BadLabels(
            f"The content features of {item.name} are {list(features.shape)}; "
            f"its sound needs {[config.ssl_channels, item.frames]}.",
            hint=f"Remove {item.content} and run {STAGE_1B} again.",
        )
    if missing > 0:
        return functional.pad(features, (0, missing), mode="replicate")
    return features[:, : item.frames]
