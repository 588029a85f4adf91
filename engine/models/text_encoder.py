"""The text encoder: what Chinese text means, a vector for every phone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from engine.checkpoints.reader import read_checkpoint
from engine.models.weights import move_weights
from engine.protocol.errors import BadCheckpoint, BadText, MissingModel

LAYERS_UNUSED: Final = 2
"""Layers at the end that are left out: the vectors are those of the third state from the end."""

_CONFIG: Final = "config.json"
_WEIGHTS: Final = ("model.safetensors", "pytorch_model.bin")
_TOKENS: Final = ("tokenizer.json", "vocab.txt")
_PREFIX: Final = "bert."
_RENAMED: Final = (("LayerNorm.gamma", "LayerNorm.weight"), ("LayerNorm.beta", "LayerNorm.bias"))
_START: Final = "[CLS]"
_END: Final = "[SEP]"
_UNKNOWN: Final = "[UNK]"


class TextEncoder(nn.Module):
    """A BERT of any size, without its last layers."""

    def __init__(self, config: Mapping[str, Any], tokens: Mapping[str, int]) -> None:
        """Builds a network with random weights.

        Args:
            config: the entries of a BERT's config.json.
            tokens: number of every token.
        """
        from transformers import BertConfig, BertModel

        super().__init__()
        settings = dict(config)
        settings["num_hidden_layers"] -= LAYERS_UNUSED
        self.network = BertModel(BertConfig.from_dict(settings), add_pooling_layer=False)
        self.tokens = tokens
        self.eval()

    @property
    def channels(self) -> int:
        """Width of the vectors."""
        return int(self.network.config.hidden_size)

    def ids(self, text: str) -> list[int]:
        """The number of every character; one that the network does not know has a number of its own."""
        unknown = self.tokens[_UNKNOWN]
        return [self.tokens.get(letter, self.tokens.get(letter.lower(), unknown)) for letter in text]

    def encode(self, text: str, phones_per_character: Sequence[int]) -> Tensor:
        """What a text means, phone by phone.

        A text that is longer than the network can read is read in parts.

        Args:
            text: normalised Chinese, as the front end gives it.
            phones_per_character: phones that each character of it has.

        Returns:
            (C, L), L = sum(phones_per_character).

        Raises:
            BadText: the counts are of another text.
        """
        if len(text) != len(phones_per_character):
            raise BadText(
                f"The phones of {text!r} do not belong to its characters.",
                hint="Prepare the text again.",
                detail=f"{len(text)} characters, {len(phones_per_character)} counts",
            )
        longest = int(self.network.config.max_position_embeddings) - 2
        starts = range(0, len(text), longest)
        parts = [
            self.features(
                self.ids(text[start : start + longest]), phones_per_character[start : start + longest]
            )
            for start in starts
        ]
        return torch.cat(parts, dim=1) if parts else torch.zeros(self.channels, 0)

    @torch.no_grad()
    def encode_each(self, texts: Sequence[tuple[str, Sequence[int]]]) -> list[Tensor]:
        """As `encode` for each of several texts with their counts: those that fit are read in one pass.

        Returns:
            (C, L) each, within 1e-4 of what `encode` gives.

        Raises:
            BadText: the counts of one are of another text.
        """
        longest = int(self.network.config.max_position_embeddings) - 2
        if len(texts) == 1 or any(len(text) > longest or len(text) != len(each) for text, each in texts):
            return [self.encode(text, counts) for text, counts in texts]
        device = next(self.parameters()).device
        rows = [torch.tensor([self.tokens[_START], *self.ids(text), self.tokens[_END]]) for text, _ in texts]
        there = nn.utils.rnn.pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
        padded = nn.utils.rnn.pad_sequence(rows, batch_first=True)  # (B, T)
        vectors: Tensor = self.network(padded.to(device), attention_mask=there.to(device)).last_hidden_state
        repeats = [torch.tensor(list(counts), dtype=torch.long, device=device) for _, counts in texts]
        return [
            vectors[number, 1 : 1 + len(counts)].repeat_interleave(counts, dim=0).transpose(0, 1)
            for number, counts in enumerate(repeats)
        ]

    @torch.no_grad()
    def features(self, ids: Sequence[int], repeats: Sequence[int]) -> Tensor:
        """Vectors of tokens, each repeated: (C, sum(repeats))."""
        device = next(self.parameters()).device
        framed = [self.tokens[_START], *ids, self.tokens[_END]]
        row = torch.tensor([framed], device=device)
        vectors: Tensor = self.network(row).last_hidden_state[0, 1:-1]  # (T, C)
        counts = torch.tensor(list(repeats), device=device)
        return vectors.repeat_interleave(counts, dim=0).transpose(0, 1)


def load_text_encoder(folder: Path) -> TextEncoder:
    """The text encoder of a folder, in float32 on the CPU; nothing is downloaded.

    Args:
        folder: a folder with config.json, model.safetensors or pytorch_model.bin, and
            tokenizer.json or vocab.txt.

    Raises:
        MissingModel: the folder or one of its files is not there.
        BadCheckpoint: a file is damaged or does not fit.
    """
    needed = {names: _first(folder, names) for names in ((_CONFIG,), _WEIGHTS, _TOKENS)}
    missing = [" or ".join(names) for names, found in needed.items() if found is None]
    config, weights_file, tokens = needed.values()
    if config is None or weights_file is None or tokens is None:
        raise MissingModel(
            f"There is no text encoder in {folder}.", hint=f"Put {' and '.join(missing)} into that folder."
        )
    encoder = _build(config, tokens)
    network = encoder.network
    expected = network.state_dict()
    stored = read_checkpoint(weights_file).weights
    named = {_current_name(name): stored.pop(name) for name in tuple(stored)}
    for name in named.keys() - expected.keys():  # layers that are left out, the pretraining's head, constants
        del named[name]
    move_weights(network, named, weights_file)
    if encoder.network.embeddings.word_embeddings.num_embeddings <= max(encoder.tokens.values()):
        raise BadCheckpoint(
            f"{tokens} names more tokens than {weights_file.name} has vectors for.",
            hint="Copy the text encoder's folder again.",
        )
    return encoder


def _first(folder: Path, names: Sequence[str]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _build(config: Path, tokens: Path) -> TextEncoder:
    try:
        with torch.device("meta"):
            encoder = TextEncoder(_read_settings(config), _read_tokens(tokens))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadCheckpoint(
            f"{config.parent} does not hold a BERT text encoder.",
            hint="Copy the text encoder's folder again.",
            detail=repr(error),
        ) from error
    for part in encoder.network.modules():  # constants, which no file needs to bring along
        for name, buffer in part.named_buffers(recurse=False):
            setattr(part, name, _constant(name, buffer))
    return encoder


def _current_name(name: str) -> str:
    """A state-dict name as this version of the library has it."""
    for old, current in _RENAMED:
        name = name.replace(old, current)
    return name.removeprefix(_PREFIX)


def _constant(name: str, buffer: Tensor) -> Tensor:
    if name == "position_ids":
        return torch.arange(buffer.shape[-1]).expand(buffer.shape).clone()
    return torch.zeros(buffer.shape, dtype=buffer.dtype)


def _read_settings(path: Path) -> dict[str, Any]:
    settings = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(settings, dict) or settings.get("model_type", "bert") != "bert":
        raise ValueError("its model_type is not bert")
    return settings


def _read_tokens(path: Path) -> dict[str, int]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        stored = json.loads(text)["model"]["vocab"]
        known = {str(token): int(number) for token, number in stored.items()}
    else:
        known = {token: number for number, token in enumerate(text.splitlines())}
    if absent := [token for token in (_START, _END, _UNKNOWN) if token not in known]:
        raise ValueError(f"{path.name} lacks {', '.join(absent)}")
    return known
