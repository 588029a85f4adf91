"""The content encoder: what is said in 16 kHz audio, 50 vectors a second."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from engine.checkpoints.reader import read_checkpoint
from engine.models.weights import put_weights
from engine.protocol.errors import BadAudio, BadCheckpoint, MissingModel

RATE_HZ: Final = 16000
"""Sample rate that the encoder listens at."""

_CONFIG: Final = "config.json"
_WEIGHTS: Final = ("model.safetensors", "pytorch_model.bin")
_PREFIX: Final = "hubert."
_MASK: Final = "masked_spec_embed"
_RENAMED: Final = (
    ("pos_conv_embed.conv.weight_g", "pos_conv_embed.conv.parametrizations.weight.original0"),
    ("pos_conv_embed.conv.weight_v", "pos_conv_embed.conv.parametrizations.weight.original1"),
)


class ContentEncoder(nn.Module):
    """A HuBERT of any size."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Builds a network with random weights.

        Args:
            config: the entries of a HuBERT's config.json.
        """
        from transformers import HubertConfig, HubertModel

        super().__init__()
        self.network = HubertModel(HubertConfig.from_dict(dict(config)))
        self.eval()

    @property
    def channels(self) -> int:
        """Width of the content vectors."""
        return int(self.network.config.hidden_size)

    @property
    def shortest_samples(self) -> int:
        """Samples that give one vector."""
        needed = 1
        sizes = zip(self.network.config.conv_kernel, self.network.config.conv_stride, strict=True)
        for kernel, stride in reversed(list(sizes)):
            needed = (needed - 1) * stride + kernel
        return needed

    @torch.no_grad()
    def encode(self, wave: Tensor) -> Tensor:
        """What is said, frame by frame.

        Args:
            wave: (B, S) raw samples at 16 kHz, not normalised.

        Returns:
            (B, C, T), the last layer's output.

        Raises:
            BadAudio: the audio is too short for one vector.
        """
        if wave.shape[1] < self.shortest_samples:
            raise BadAudio(
                f"The audio is too short: {wave.shape[1] / RATE_HZ:.3f} s.",
                hint=f"It needs at least {self.shortest_samples / RATE_HZ:.3f} s.",
            )
        hidden: Tensor = self.network(wave).last_hidden_state
        return hidden.transpose(1, 2)

    @torch.no_grad()
    def encode_each(self, waves: Sequence[Tensor]) -> list[Tensor]:
        """As `encode` for each of several recordings, in one pass through the layers.

        The convolutions at the start hear each recording by itself: their norm runs over all of the time,
        which padding would change. The layers see the others' padding masked.

        Args:
            waves: (S,) each, of any lengths, raw samples at 16 kHz.

        Returns:
            (1, C, T) each, within 1e-4 of what `encode` gives.

        Raises:
            BadAudio: one is too short for one vector.
        """
        if len(waves) == 1 or any(wave.shape[0] < self.shortest_samples for wave in waves):
            return [self.encode(wave[None]) for wave in waves]
        heard = [self.network.feature_extractor(wave[None])[0].transpose(0, 1) for wave in waves]  # (T, C)
        padded = nn.utils.rnn.pad_sequence(heard, batch_first=True)  # (B, T, C)
        lengths = torch.tensor([frames.shape[0] for frames in heard], device=padded.device)
        there = torch.arange(padded.shape[1], device=padded.device)[None] < lengths[:, None]
        hidden: Tensor = self.network.encoder(
            self.network.feature_projection(padded), attention_mask=there
        ).last_hidden_state
        return [
            row[:frames].transpose(0, 1)[None] for row, frames in zip(hidden, lengths.tolist(), strict=True)
        ]


def load_content_encoder(folder: Path) -> ContentEncoder:
    """The content encoder of a folder, in float32 on the CPU; nothing is downloaded.

    Args:
        folder: a folder with config.json and model.safetensors or pytorch_model.bin.

    Raises:
        MissingModel: the folder or one of its files is not there.
        BadCheckpoint: a file is damaged or does not fit.
    """
    weights_file = next((folder / name for name in _WEIGHTS if (folder / name).is_file()), None)
    if weights_file is None or not (folder / _CONFIG).is_file():
        raise MissingModel(
            f"There is no content encoder in {folder}.",
            hint=f"Put {_CONFIG} and {' or '.join(_WEIGHTS)} into that folder.",
        )
    encoder = _build(folder / _CONFIG)
    network = encoder.network
    weights = _official_names(read_checkpoint(weights_file).weights)
    expected = network.state_dict()
    if _MASK in expected and _MASK not in weights:  # only pretraining uses it
        weights[_MASK] = torch.zeros(expected[_MASK].shape)
    if _MASK not in expected:
        weights.pop(_MASK, None)
    put_weights(network, weights, weights_file)
    return encoder


def _build(path: Path) -> ContentEncoder:
    try:
        with torch.device("meta"):
            return ContentEncoder(_hubert_settings(path))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadCheckpoint(
            f"{path} does not describe a HuBERT model.",
            hint="Copy the content encoder's folder again.",
            detail=str(error),
        ) from error


def _hubert_settings(path: Path) -> dict[str, Any]:
    settings = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(settings, dict) or settings.get("model_type", "hubert") != "hubert":
        raise ValueError("its model_type is not hubert")
    return settings


def _official_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """State-dict names as this version of the library has them."""
    named = {}
    for name, value in weights.items():
        new = name.removeprefix(_PREFIX)
        for old, current in _RENAMED:
            new = new.replace(old, current)
        named[new] = value
    return named
