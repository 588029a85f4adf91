"""VR networks of UVR: a mask over the spectrum says what belongs to the stem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from engine.audio.stereo import Stereo
from engine.checkpoints.reader import read_checkpoint
from engine.dataset.separation import library
from engine.dataset.separation.bands import Bands
from engine.dataset.separation.find import ModelFile
from engine.dataset.separation.stems import Stems, Tell, stems_of
from engine.protocol.errors import BadCheckpoint, BadParameters

Weights = dict[str, Tensor]

_WINDOW: Final = 512
_OLD: Final = "stg1_low_band_net.enc1.conv1.conv.0.weight"
_NEW: Final = "stg1_low_band_net.0.enc1.conv.0.weight"
_LSTM: Final = "stg3_full_band_net.lstm_dec2.lstm.weight_hh_l0"
_PLAIN, _SIX, _SEVEN = 123821, 129605, 537238
"""Kinds of pyramids in the first generation, as the library counts them."""

_CONVS: Final = {7: _SEVEN, 6: _SIX, 5: _PLAIN}


@dataclass(slots=True)
class MaskSeparator:
    """A loaded VR network.

    Attributes:
        network: Makes a mask.
        bands: What it hears.
        is_voice: Whether the mask is that of the voice.
        power: How much the mask is sharpened; 0 leaves it.
        device: Where it computes.
    """

    network: Any
    bands: Bands
    is_voice: bool
    power: float
    device: torch.device

    def separate(self, mix: Stereo, tell: Tell) -> Stems:
        """The voice and the rest."""
        spectrum, above = self.bands.analysed(mix)
        mask = self._mask(spectrum.abs(), tell)
        if self.power:
            split = self.bands.split_row
            mask[:, :split] **= 1 + self.power / 3
            mask[:, split:] **= 1 + self.power
        found = self.bands.sounding(spectrum * mask, above, mix.shape[1])
        rest = self.bands.sounding(spectrum * (1 - mask), above, mix.shape[1])
        stems = stems_of(found, found, is_voice=self.is_voice)
        stems[1 if self.is_voice else 0] = rest
        return stems

    def _mask(self, loudness: Tensor, tell: Tell) -> Tensor:
        """(2, R, F) -> (2, R, F), window by window."""
        peak = loudness.max()
        if not peak:
            return torch.full_like(loudness, 0.5)
        frames, offset = loudness.shape[2], self.network.offset
        step = _WINDOW - 2 * offset
        windows = frames // step + 1
        padded = torch.nn.functional.pad(loudness / peak, (offset, windows * step - frames + offset))
        made = []
        for number in range(windows):
            tell(number / windows)
            start = number * step
            with torch.inference_mode():
                window = padded[None, :, :, start : start + _WINDOW].to(self.device)
                made.append(self._predicted(window)[0].float().cpu())
        return torch.cat(made, dim=2)[:, :, :frames].clone()

    def _predicted(self, window: Tensor) -> Tensor:
        try:
            mask: Tensor = self.network.predict_mask(window)
        except RuntimeError as error:
            if "Sizes of tensors" not in str(error):
                raise
            raise BadParameters(
                "The table of bands does not fit the model for separating.",
                hint="Put UVR's model_data.json beside the model: it names the right one.",
                detail=str(error),
            ) from error
        return mask


def load(model: ModelFile, aggressiveness: int, device: torch.device) -> MaskSeparator:
    """The VR network of a `.pth` file.

    Raises:
        MissingModel: the file is gone, or the library is not installed.
        BadCheckpoint: it is damaged, or holds something else.
        BadParameters: its table of bands is not known.
    """
    weights = {name: _full(value) for name, value in read_checkpoint(model.path).weights.items()}
    is_old = _OLD in weights
    if not is_old and not (_NEW in weights and _LSTM in weights):
        raise BadCheckpoint(
            f"{model.path} is no VR model for separating.",
            hint="Choose an HP2, HP3, HP5 or VR-DeEcho file; a RoFormer's name ends in .ckpt.",
        )
    facts = model.facts
    table = (
        facts
        if "band" in facts
        else library.bands(str(facts.get("vr_model_param") or ("4band_v2" if is_old else "4band_v3")))
    )
    bands = Bands.parsed(table)
    network = _checked(model, lambda: (_old if is_old else _new)(weights, bands.bins))
    return MaskSeparator(
        network=_filled(model, network, weights).to(device).eval(),
        bands=bands,
        is_voice=model.finds_voice(default=not is_old or "HP3" in model.name),
        power=aggressiveness / 100 if is_old else 0.0,
        device=device,
    )


def _full(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value


def _old(weights: Weights, bins: int) -> Any:
    """The network of the first generation that has these weights."""

    def width(name: str, side: int) -> int:
        return int(weights[f"{name}.weight"].shape[side])

    def stage(name: str) -> tuple[int, ...]:
        first = f"{name}.enc1.conv1.conv.0"
        return width(first, 1), width(first, 0)

    def joint(name: str) -> tuple[int, ...]:
        return width(f"{name}.conv.0", 1), width(f"{name}.conv.0", 0), 1, 1, 0

    def end(name: str) -> tuple[int, ...]:
        return width(name, 1), width(name, 0), 1

    pyramid = "stg1_low_band_net.aspp.bottleneck.0.conv.0"
    inner = width("stg1_low_band_net.aspp.conv2.conv.0", 0)
    return library.old_mask_network(
        bins,
        [
            stage("stg1_low_band_net"),
            stage("stg1_high_band_net"),
            joint("stg2_bridge"),
            stage("stg2_full_band_net"),
            joint("stg3_bridge"),
            stage("stg3_full_band_net"),
            end("out"),
            end("aux1_out"),
            end("aux2_out"),
        ],
        _CONVS[width(pyramid, 1) // inner],
    )


def _new(weights: Weights, bins: int) -> Any:
    """The network of the second generation that has these weights."""
    return library.new_mask_network(
        bins, int(weights["out.weight"].shape[1]), 2 * int(weights[_LSTM].shape[1])
    )


def _checked(model: ModelFile, make: Callable[[], Any]) -> Any:
    try:
        return make()
    except (KeyError, IndexError, ValueError) as error:
        raise _other(model, repr(error)) from error


def _filled(model: ModelFile, network: Any, weights: Weights) -> Any:
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise _other(model, str(error)) from error
    return network


def _other(model: ModelFile, detail: str) -> BadCheckpoint:
    return BadCheckpoint(
        f"The weights in {model.path} are not those of a network that this program knows.",
        hint="Download the model again, or choose another one.",
        detail=detail,
    )
