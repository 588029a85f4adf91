"""The text-to-semantic network: phones and text features in, semantic tokens out.

Shapes: B batch, L phones, T semantic tokens, C channels of text features, V token rows.

What is special:
- text positions see the whole text and no token; a token sees the text and the tokens before it;
- order is known only from positions added to the vectors, so padding may stand anywhere
  as long as nobody looks at it: texts of a batch are padded on the right, and masked;
- what decoding remembers is in a GptCache, never in the module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.checkpoints.inspection import ModelKind, inspect
from engine.checkpoints.reader import read_checkpoint
from engine.checkpoints.writer import write_gpt
from engine.models.weights import MOST_LAYERS
from engine.modules.token_decoder import DecoderStack, KeyValueCache, ScaledPosition, TokenTable
from engine.protocol.errors import BadCheckpoint

DROPOUT: Final = 0.1
"""Used in training whatever a file's configuration says, as the original does."""

KEY_PREFIX: Final = "model."
"""Stands before every key of a weight file."""

DPO_BETA: Final = 0.2

OFFICIAL_BERT_CHANNELS: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class GptConfig:
    """Sizes of the network; the defaults are those of official files.

    Attributes:
        layers: Number of layers.
        width: Channels of every layer.
        heads: Attention heads; must divide width.
        phoneme_rows: Rows of the phone table.
        semantic_rows: Rows of the token table, the end mark included.
        eos_token: The end mark, which pads too; the last row.
        bert_channels: Channels of text features.
    """

    layers: int = 24
    width: int = 512
    heads: int = 16
    phoneme_rows: int = 732
    semantic_rows: int = 1025
    eos_token: int = 1024
    bert_channels: int = OFFICIAL_BERT_CHANNELS

    def __post_init__(self) -> None:
        if not 1 <= self.layers <= MOST_LAYERS:
            raise ValueError(f"{self.layers} layers, and 1 to {MOST_LAYERS} are possible")
        if self.heads < 1 or self.width % self.heads or self.width % 2:
            raise ValueError(f"width {self.width} must be even and a multiple of heads {self.heads}")
        if self.eos_token != self.semantic_rows - 1:
            raise ValueError("the end mark must be the last row of the token table")

    @classmethod
    def from_checkpoint(cls, config: Mapping[str, Any]) -> GptConfig:
        """Sizes from the configuration inside a weight file.

        Raises:
            BadCheckpoint: an entry is missing or makes no sense.
        """
        try:
            model = config["model"]
            return cls(
                layers=int(model["n_layer"]),
                width=int(model["hidden_dim"]),
                heads=int(model["head"]),
                phoneme_rows=int(model["phoneme_vocab_size"]),
                semantic_rows=int(model["vocab_size"]),
                eos_token=int(model["EOS"]),
                bert_channels=int(model.get("bert_channels", OFFICIAL_BERT_CHANNELS)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BadCheckpoint(
                f"The configuration of the GPT weights is not usable: {error}.",
                hint="Use a GPT file as the trainer wrote it.",
            ) from error

    def to_checkpoint(self) -> dict[str, Any]:
        """The `model` part of a weight file's configuration."""
        model: dict[str, Any] = {
            "vocab_size": self.semantic_rows,
            "phoneme_vocab_size": self.phoneme_rows,
            "embedding_dim": self.width,
            "hidden_dim": self.width,
            "head": self.heads,
            "linear_units": 4 * self.width,
            "n_layer": self.layers,
            "dropout": 0,
            "EOS": self.eos_token,
            "random_bert": 0,
        }
        if self.bert_channels != OFFICIAL_BERT_CHANNELS:
            model["bert_channels"] = self.bert_channels
        return {"model": model}


@dataclass(slots=True)
class GptCache:
    """What one batch of decoding remembers.

    Attributes:
        memory: Keys and values of all positions so far.
        tokens: Semantic tokens so far, the prompt included: the next token's position.
        visible: (B, positions) False at padding; None when there is none.
    """

    memory: KeyValueCache
    tokens: int
    visible: Tensor | None

    def select(self, rows: Tensor) -> None:
        """Keeps some rows of the batch; rows: (b,) indices."""
        self.memory.select(rows)
        if self.visible is not None:
            self.visible = self.visible.index_select(0, rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class GptLoss:
    """A training loss and what it is made of.

    Attributes:
        loss: Scalar to differentiate: summed over positions, plus the preference term if any.
        accuracy: Share of tokens, end marks aside, that are among the three likeliest.
        cross_entropy: The summed part alone.
        chosen_log_probability: (B,) of the true sequences.
        rejected_log_probability: (B,) of the rejected ones; None without them.
    """

    loss: Tensor
    accuracy: Tensor
    cross_entropy: Tensor
    chosen_log_probability: Tensor
    rejected_log_probability: Tensor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedSequences:
    """Sequences that the network shall find less likely than the true ones.

    Attributes:
        semantic: (B, T') tokens; anything behind a row's end.
        lengths: (B,) tokens of each row.
    """

    semantic: Tensor
    lengths: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class PaddingRules:
    """How the padding of a batch counts in a training loss.

    Attributes:
        counted: Whether padded positions are learnt from, all of them as end marks, as in the original.
        start_hidden: The original's slip: of a shorter text as many phones are hidden at its start as it
            has padding at its end, which is seen instead.
    """

    counted: bool = False
    start_hidden: bool = False


ONLY_CLIPS: Final = PaddingRules()
"""Padding is neither seen nor learnt from: a clip has the loss that it has by itself."""


def _inside(lengths: Tensor, count: int) -> Tensor:
    """(B,) lengths -> (B, count) True before each row's end."""
    return torch.arange(count, device=lengths.device) < lengths[:, None]


class Gpt(nn.Module):
    """Text-to-semantic decoder; state-dict keys are the official ones without `model.`."""

    def __init__(self, config: GptConfig, dropout: float = DROPOUT) -> None:
        super().__init__()
        self.config = config
        self.bert_proj = nn.Linear(config.bert_channels, config.width)
        self.ar_text_embedding = TokenTable(config.phoneme_rows, config.width)
        self.ar_text_position = ScaledPosition(dropout)
        self.ar_audio_embedding = TokenTable(config.semantic_rows, config.width)
        self.ar_audio_position = ScaledPosition(dropout)
        self.h = DecoderStack(config.layers, config.width, config.heads, dropout)
        self.ar_predict_layer = nn.Linear(config.width, config.semantic_rows, bias=False)

    def prefill(
        self, phones: Tensor, bert: Tensor, prompt: Tensor | None, phones_len: Tensor | None = None
    ) -> tuple[Tensor, GptCache]:
        """Reads the text and the prompt.

        Args:
            phones: (B, L) ids, padded on the right.
            bert: (B, C, L) text features; zeros where a language has none.
            prompt: (B, T) tokens that the speech begins with; None for none.
            phones_len: (B,) true lengths; None when nothing is padded.

        Returns:
            (B, V) logits of the first new token, and the cache for `step`.
        """
        text = self._text(phones, bert)
        batch, text_count = phones.shape
        token_count = 0 if prompt is None else prompt.shape[1]
        vectors = text if prompt is None else torch.cat((text, self._tokens(prompt)), dim=1)
        padded = phones_len is not None and bool((phones_len < text_count).any())
        lengths = phones_len if phones_len is not None else phones.new_full((batch,), text_count)
        mask = self._mask(lengths, text_count, torch.full_like(lengths, token_count), token_count)
        memory = KeyValueCache(self.config.layers)
        hidden = self.h(vectors, mask, memory)
        last = lengths - 1 if prompt is None else torch.full_like(lengths, hidden.shape[1] - 1)
        logits = self.ar_predict_layer(hidden[torch.arange(batch, device=last.device), last])
        visible = None
        if padded:
            visible = functional.pad(_inside(lengths, text_count), (0, token_count), value=True)
        return logits, GptCache(memory, token_count, visible)

    def step(self, tokens: Tensor, cache: GptCache) -> Tensor:
        """Reads one more token of every row.

        Args:
            tokens: (B,) the tokens just chosen.
            cache: of `prefill`; it grows by one position.

        Returns:
            (B, V) logits of the next token.
        """
        vectors = self._tokens(tokens[:, None], first=cache.tokens)
        mask = None
        if cache.visible is not None:
            cache.visible = functional.pad(cache.visible, (0, 1), value=True)
            mask = cache.visible[:, None, None]
        hidden = self.h(vectors, mask, cache.memory)
        cache.tokens += 1
        logits: Tensor = self.ar_predict_layer(hidden[:, -1])
        return logits

    def loss(
        self,
        phones: Tensor,
        phones_len: Tensor,
        semantic: Tensor,
        semantic_len: Tensor,
        bert: Tensor,
        rejected: RejectedSequences | None = None,
        padding: PaddingRules = ONLY_CLIPS,
    ) -> GptLoss:
        """Loss of predicting every token from the text and the tokens before it.

        Args:
            phones: (B, L) ids, padded on the right.
            phones_len: (B,) true lengths.
            semantic: (B, T) tokens, padded on the right.
            semantic_len: (B,) true lengths.
            bert: (B, C, L) text features.
            rejected: sequences for the preference term, if wanted.
            padding: how what was padded counts.

        Returns:
            The loss and its parts.

        Source: SPEC section 2 of the parity kit; parity: tests/parity/test_s1.py.
        """
        text = (phones, phones_len)
        logits, targets = self._teacher_forced(
            *text, semantic, semantic_len, bert, start_hidden=padding.start_hidden
        )
        chosen = self._log_probability(logits, targets, None if padding.counted else semantic_len)
        cross_entropy = -chosen.sum()
        if rejected is None:
            return GptLoss(
                loss=cross_entropy,
                accuracy=self._accuracy(logits, targets),
                cross_entropy=cross_entropy,
                chosen_log_probability=chosen,
            )
        other = self._teacher_forced(
            *text, rejected.semantic, rejected.lengths, bert, start_hidden=padding.start_hidden
        )
        worse = self._log_probability(*other, None if padding.counted else rejected.lengths)
        preference = -functional.logsigmoid(DPO_BETA * (chosen - worse)).mean()
        return GptLoss(
            loss=cross_entropy + preference,
            accuracy=self._accuracy(logits, targets),
            cross_entropy=cross_entropy,
            chosen_log_probability=chosen,
            rejected_log_probability=worse,
        )

    def _text(self, phones: Tensor, bert: Tensor) -> Tensor:
        features = bert.transpose(1, 2).to(self.bert_proj.weight.dtype)
        return self._placed(self.ar_text_position, self.ar_text_embedding(phones) + self.bert_proj(features))

    def _tokens(self, tokens: Tensor, first: int = 0) -> Tensor:
        return self._placed(self.ar_audio_position, self.ar_audio_embedding(tokens), first)

    @staticmethod
    def _placed(position: nn.Module, vectors: Tensor, first: int = 0) -> Tensor:
        placed: Tensor = position(vectors, first)
        return placed

    @staticmethod
    def _mask(
        text_lengths: Tensor,
        text_count: int,
        token_lengths: Tensor,
        token_count: int,
        *,
        start_hidden: bool = False,
    ) -> Tensor:
        """(B, 1, N, N) True where a position may see another; padding is seen by none."""
        order = torch.arange(text_count + token_count, device=text_lengths.device)
        earlier_token = (order >= text_count) & (order <= order[:, None])  # (N, N)
        seen = _inside(text_lengths, text_count)
        text = functional.pad(seen.flip(1) if start_hidden else seen, (0, token_count), value=False)
        tokens = functional.pad(_inside(token_lengths, token_count), (text_count, 0), value=False)
        return (text[:, None] | (earlier_token & tokens[:, None]))[:, None]

    def _teacher_forced(
        self,
        phones: Tensor,
        phones_len: Tensor,
        semantic: Tensor,
        semantic_len: Tensor,
        bert: Tensor,
        *,
        start_hidden: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """(B, T + 1, V) logits and (B, T + 1) targets: the tokens, then end marks."""
        text_count, token_count = phones.shape[1], semantic.shape[1]
        tokens = semantic.masked_fill(~_inside(semantic_len, token_count), self.config.eos_token)
        vectors = torch.cat((self._text(phones, bert), self._tokens(tokens)), dim=1)
        mask = self._mask(phones_len, text_count, semantic_len, token_count, start_hidden=start_hidden)
        hidden = self.h(vectors, mask)
        rows = torch.arange(len(phones), device=phones.device)
        ends = torch.full_like(phones_len, text_count) if start_hidden else phones_len
        before_first = hidden[rows, ends - 1][:, None]  # the last phone that is seen predicts the first token
        logits = self.ar_predict_layer(torch.cat((before_first, hidden[:, text_count:]), dim=1))
        return logits, functional.pad(tokens, (0, 1), value=self.config.eos_token)

    @staticmethod
    def _log_probability(logits: Tensor, targets: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B,) summed over each row's tokens and one end mark; without lengths over all positions."""
        each = functional.cross_entropy(logits.float().transpose(1, 2), targets, reduction="none")
        if lengths is not None:
            each = each * _inside(lengths + 1, each.shape[1])
        return -each.sum(dim=1)

    def _accuracy(self, logits: Tensor, targets: Tensor) -> Tensor:
        best = logits.detach().topk(3, dim=-1).indices
        hit = (best == targets[..., None]).any(dim=-1)
        counted = targets != self.config.eos_token
        return (hit & counted).sum() / counted.sum().clamp(min=1)


def load_gpt(path: Path) -> Gpt:
    """The network of a GPT weight file, in float32 on the CPU, ready to decode.

    Raises:
        MissingModel: there is no such file.
        BadCheckpoint: the file is damaged, unsafe, of another kind, or does not fit its configuration.
    """
    content = read_checkpoint(path)
    prefixed = {name: tensor for name, tensor in content.weights.items() if name.startswith(KEY_PREFIX)}
    weights = {name.removeprefix(KEY_PREFIX): tensor.float() for name, tensor in prefixed.items()}
    if "ar_predict_layer.weight" not in weights:
        kind = inspect(path).kind
        what = "no GPT weights" if kind is ModelKind.UNKNOWN else f"{kind.value} weights, not GPT weights"
        raise BadCheckpoint(f"{path} holds {what}.", hint="Choose a file from a GPT_weights folder.")
    config = _config_of(content.config, weights)
    with torch.device("meta"):  # no time is spent on numbers that are replaced
        model = Gpt(config)
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    if wrong := _differences(wanted, found):
        raise BadCheckpoint(
            f"{path} does not fit a GPT of its own configuration: {wrong}.",
            hint="The file may be damaged, or made by another program. Use another one.",
        )
    model.load_state_dict({name: weights[name] for name in wanted}, assign=True)
    return model.eval()


def export_gpt(path: Path, model: Gpt, info: str, training: Mapping[str, Any] | None = None) -> Path:
    """Writes weights that the original opens, in half precision.

    Args:
        path: file to write.
        model: the network.
        info: a remark, such as `GPT-e15`.
        training: further parts of the configuration (`train`, `optimizer`, `data`, ...).

    Returns:
        The path.

    Raises:
        OutOfSpace: the file cannot be written; what was there before stays.
    """
    config = {**(training or {}), **model.config.to_checkpoint()}
    weights = {KEY_PREFIX + name: tensor for name, tensor in model.state_dict().items()}
    return write_gpt(path, weights, config, info)


def _config_of(config: Mapping[str, Any], weights: Mapping[str, Tensor]) -> GptConfig:
    """Sizes as the configuration says; the text features' width as the weights have it."""
    sizes = GptConfig.from_checkpoint(config)
    projection = weights.get("bert_proj.weight")
    return sizes if projection is None else replace(sizes, bert_channels=projection.shape[1])


def _differences(wanted: Mapping[str, Sequence[int]], found: Mapping[str, Sequence[int]]) -> str:
    faults = [f"{name} is missing" for name in wanted if name not in found]
    faults += [
        f"{name} is {list(found[name])} instead of {list(shape)}"
        for name, shape in wanted.items()
        if name in found and found[name] != shape
    ]
    more = len(faults) - 4
    return ", ".join(faults[:4]) + (f" and {more} more" if more > 0 else "")
