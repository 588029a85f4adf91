"""BS- and Mel-band RoFormers: a stretch of sound in, the sound of its stems out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import torch

from engine.audio.stereo import Stereo
from engine.checkpoints.reader import read_checkpoint
from engine.dataset.separation import library
from engine.dataset.separation.find import ModelFile
from engine.dataset.separation.pieces import overlapped
from engine.dataset.separation.stems import RATE_HZ, Stems, Tell, stems_of
from engine.protocol.errors import BadCheckpoint, BadParameters, MissingModel

_BS: Final = "bs_roformer"
_MEL: Final = "mel_band_roformer"
_MARKS: Final = MappingProxyType(
    {"bs_roformer": _BS, "bsroformer": _BS, "mel_band_roformer": _MEL, "melbandroformer": _MEL}
)
_COMMON: Final = MappingProxyType(
    {
        "depth": 12,
        "stereo": True,
        "num_stems": 1,
        "time_transformer_depth": 1,
        "freq_transformer_depth": 1,
        "dim_head": 64,
        "heads": 8,
        "stft_n_fft": 2048,
        "stft_hop_length": 441,
        "stft_win_length": 2048,
        "mask_estimator_depth": 2,
    }
)
_BS_BANDS: Final = (2,) * 24 + (4,) * 12 + (12,) * 8 + (24,) * 8 + (48,) * 8 + (128, 129)
_KNOWN: Final = MappingProxyType(
    {
        _BS: MappingProxyType({"dim": 512, "freqs_per_bands": _BS_BANDS, **_COMMON}),
        _MEL: MappingProxyType({"dim": 384, "num_bands": 60, **_COMMON}),
    }
)
"""Sizes of the models that most people have (viperx' ep_317, ep_368 and ep_3005): these need no `.yaml`."""

_CHUNK: Final = 352_800
_VOICES: Final = ("vocals", "vocal", "voice", "speech", "dry", "noreverb", "no_reverb", "lead")


@dataclass(slots=True, kw_only=True)
class WaveSeparator:
    """A loaded RoFormer.

    Attributes:
        network: (1, C, S) -> (1, C, S), or (1, K, C, S) with several stems.
        is_stereo: Whether it hears two channels at once; else it hears one after the other.
        chunk: Samples that it hears at a time.
        overlap: How many of its windows hear a sample.
        stem: Number of the stem that is used.
        is_voice: Whether that stem is the voice.
        device: Where it computes.
    """

    network: torch.nn.Module
    is_stereo: bool
    chunk: int
    overlap: int
    stem: int
    is_voice: bool
    device: torch.device

    def separate(self, mix: Stereo, tell: Tell) -> Stems:
        """The voice and the rest."""

        def run(window: Stereo) -> Stems:
            heard = torch.from_numpy(np.ascontiguousarray(window)).to(self.device)
            with torch.inference_mode():
                made = self.network(heard[None] if self.is_stereo else heard[:, None])
            if self.is_stereo:
                found = made[0, self.stem] if made.dim() == 4 else made[0]
            else:
                found = made[:, self.stem, 0] if made.dim() == 4 else made[:, 0]
            short = window.shape[1] - found.shape[1]
            return torch.nn.functional.pad(found, (0, short)).float().cpu().numpy()[None]

        found = overlapped(mix, self.chunk, max(self.chunk // self.overlap, 1), run, tell)[0]
        return stems_of(mix, found, is_voice=self.is_voice)


def load(model: ModelFile, device: torch.device) -> WaveSeparator:
    """The RoFormer of a `.ckpt` file and the `.yaml` beside it.

    Raises:
        MissingModel: there is no `.yaml` and the name does not say enough, or the library is not installed.
        BadCheckpoint: the file is damaged, or the weights do not fit the settings.
        BadParameters: the settings cannot be used.
    """
    kind, sizes = _sizes(model)
    weights = {
        name: value.float() if value.is_floating_point() else value
        for name, value in read_checkpoint(model.path).weights.items()
    }
    network = _network(model, kind, sizes)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise BadCheckpoint(
            f"The weights in {model.path} do not fit the settings beside it.",
            hint=f"Put the model's own .yaml there as {model.path.with_suffix('.yaml').name}.",
            detail=str(error),
        ) from error
    stem, is_voice = _stem(model)
    return WaveSeparator(
        network=network.to(device).eval(),
        is_stereo=bool(sizes.get("stereo", False)),
        chunk=_chunk(model, sizes),
        overlap=_overlap(model),
        stem=stem,
        is_voice=is_voice,
        device=device,
    )


def _sizes(model: ModelFile) -> tuple[str, dict[str, Any]]:
    """The kind of network and the arguments of its class."""
    name = model.path.name.lower()
    kind = next((found for mark, found in _MARKS.items() if mark in name), "")
    if not model.facts:
        if not kind:
            raise MissingModel(
                f"The settings of {model.path.name} are missing.",
                hint=f"Put its .yaml beside it: {model.path.with_suffix('.yaml')}.",
            )
        return kind, dict(_KNOWN[kind])
    sizes = _part(model, "model")
    if "freqs_per_bands" in sizes:
        kind = _BS
    elif "num_bands" in sizes:
        kind = _MEL
    else:
        raise BadParameters(
            f"{model.settings[0]} describes neither a BS- nor a Mel-band RoFormer.",
            hint="Use the .yaml that belongs to the model; MDX23C and Demucs are not supported.",
        )
    rate_hz = _part(model, "audio").get("sample_rate", RATE_HZ)
    if rate_hz != RATE_HZ:
        raise BadParameters(
            f"{model.path.name} is for sound at {rate_hz} Hz.", hint=f"Use a model for {RATE_HZ} Hz."
        )
    return kind, sizes


def _part(model: ModelFile, key: str) -> dict[str, Any]:
    found = model.facts.get(key) or {}
    if not isinstance(found, dict):
        raise _unusable(model, f"{key} is no table")
    return dict(found)


def _network(model: ModelFile, kind: str, sizes: Mapping[str, Any]) -> torch.nn.Module:
    try:
        return library.roformer(kind, sizes)
    except BadParameters as error:
        raise _unusable(model, error.detail) from error


def _stem(model: ModelFile) -> tuple[int, bool]:
    """The number of the stem that is used, and whether it is the voice."""
    training = _part(model, "training")
    names = [str(name).lower() for name in training.get("instruments") or ["vocals", "other"]]
    target = training.get("target_instrument")
    if target:
        return 0, str(target).lower() in _VOICES
    voice = next((number for number, name in enumerate(names) if name in _VOICES), 0)
    return voice, True


def _chunk(model: ModelFile, sizes: Mapping[str, Any]) -> int:
    inference, audio = _part(model, "inference"), _part(model, "audio")
    chunk = inference.get("chunk_size") or audio.get("chunk_size")
    if not chunk and "dim_t" in inference:
        chunk = (int(inference["dim_t"]) - 1) * int(sizes.get("stft_hop_length", 512))
    return _whole(model, "chunk_size", chunk or _CHUNK, int(sizes.get("stft_n_fft", 2048)))


def _overlap(model: ModelFile) -> int:
    return _whole(model, "num_overlap", _part(model, "inference").get("num_overlap", 2), 1)


def _whole(model: ModelFile, key: str, value: Any, least: int) -> int:
    if not isinstance(value, int) or value < least:
        raise _unusable(model, f"{key} is {value!r}, less than {least}")
    return value


def _unusable(model: ModelFile, detail: str) -> BadParameters:
    name = model.settings[0] if model.settings else model.path
    return BadParameters(
        f"The settings in {name} cannot be used.",
        hint="Put the model's own .yaml there, unchanged.",
        detail=detail,
    )
