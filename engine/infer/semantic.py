"""Makes semantic tokens: one text as a stream, or several at once.

Shapes: B batch, L phones, C channels of text features, T tokens of the prompt, V token rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from engine.infer.options import SamplingOptions
from engine.infer.sampling import discourage_repetition, draw, token_probabilities
from engine.models.gpt import Gpt

Watch = Callable[[int, Tensor], None]
"""Told the number of the step and its raw logits, (V,)."""


class NotFinite(Exception):
    """The network gave values that are no numbers, as half precision may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SemanticRequest:
    """One text to make tokens of.

    Attributes:
        phones: (L,) ids of the prompt's text followed by the text itself.
        bert: (C, L) text features.
        generator: Source of chance, on the CPU; None takes torch's own.
        max_tokens: Where this text stops at the latest, below the options' own limit; None for that one.
    """

    phones: Tensor
    bert: Tensor
    generator: torch.Generator | None = None
    max_tokens: int | None = None

    def limit(self, options: SamplingOptions) -> int:
        """Where it stops at the latest."""
        return options.max_tokens if self.max_tokens is None else min(self.max_tokens, options.max_tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """The tokens of one text.

    Attributes:
        tokens: Ids, without the prompt and without the end mark.
        ended: Whether the network ended by itself, not at the limit.
    """

    tokens: tuple[int, ...]
    ended: bool


@dataclass(slots=True)
class _Row:
    """One text on its way: which request it is, and what it has used so far."""

    index: int
    generator: torch.Generator | None
    previous: Tensor
    limit: int
    tokens: list[int] = field(default_factory=list)
    ended: bool = False

    def choose(self, logits: Tensor, eos_token: int, options: SamplingOptions) -> bool:
        """Takes the next token from raw logits; False when this row is finished.

        The row ends when the end mark is drawn, or is the likeliest after the repetition penalty.
        """
        if not logits.isfinite().all():
            raise NotFinite
        logits = logits.clone()
        if len(self.tokens) < options.min_tokens:
            logits[eos_token] = -torch.inf
        penalised = discourage_repetition(logits, self.previous, options.repetition_penalty)
        token = draw(token_probabilities(penalised, options), self.generator)
        if token == eos_token or int(penalised.argmax()) == eos_token:
            self.ended = True
            return False
        self.tokens.append(token)
        self.previous = torch.cat((self.previous, torch.tensor([token])))
        return len(self.tokens) < self.limit

    @property
    def generation(self) -> Generation:
        return Generation(tokens=tuple(self.tokens), ended=self.ended)


@torch.inference_mode()
def generate_tokens(
    gpt: Gpt,
    request: SemanticRequest,
    prompt: Tensor | None,
    options: SamplingOptions,
    watch: Watch | None = None,
) -> Iterator[int]:
    """Yields the semantic tokens of one text as they are made; ends before the end mark.

    Args:
        gpt: the network, in eval mode.
        request: the text.
        prompt: (T,) tokens that the speech goes on from; None for none.
        options: how tokens are chosen.
        watch: told every step's raw logits.
    """
    device = gpt.bert_proj.weight.device
    row = _Row(0, request.generator, _history(prompt), request.limit(options))
    started = None if prompt is None else prompt[None].to(device)
    logits, cache = gpt.prefill(request.phones[None].to(device), request.bert[None].to(device), started)
    while True:
        raw = logits[0].float().cpu()
        if watch is not None:
            watch(len(row.tokens), raw)
        going_on = row.choose(raw, gpt.config.eos_token, options)
        if row.ended:
            return
        yield row.tokens[-1]
        if not going_on:
            return
        logits = gpt.step(torch.tensor(row.tokens[-1:], device=device), cache)


@torch.inference_mode()
def generate_batch(
    gpt: Gpt,
    requests: Sequence[SemanticRequest],
    prompt: Tensor | None,
    options: SamplingOptions,
    check: Callable[[], None] = lambda: None,
) -> list[Generation]:
    """The semantic tokens of several texts, made side by side with one prompt.

    Each text gets what it would get alone: padding is never seen, and each draws from a
    generator of its own.  Texts that end leave the batch.

    Args:
        gpt: the network, in eval mode.
        requests: the texts.
        prompt: (T,) tokens that the speech goes on from; None for none.
        options: how tokens are chosen.
        check: called at every step; may raise to stop.

    Returns:
        One generation for each request, in order.
    """
    if not requests:
        return []
    device = gpt.bert_proj.weight.device
    rows = [
        _Row(index, request.generator, _history(prompt), request.limit(options))
        for index, request in enumerate(requests)
    ]
    finished: list[Generation | None] = [None] * len(rows)
    phones = pad_sequence([request.phones for request in requests], batch_first=True)
    bert = pad_sequence([request.bert.t() for request in requests], batch_first=True).transpose(1, 2)
    lengths = torch.tensor([len(request.phones) for request in requests])
    started = None if prompt is None else prompt.expand(len(rows), -1).to(device)
    logits, cache = gpt.prefill(phones.to(device), bert.to(device), started, lengths.to(device))
    while True:
        check()
        raw = logits.float().cpu()
        staying = [
            place for place, row in enumerate(rows) if row.choose(raw[place], gpt.config.eos_token, options)
        ]
        if len(staying) < len(rows):
            for row in rows:
                finished[row.index] = row.generation
            rows = [rows[place] for place in staying]
            if not rows:
                return [generation for generation in finished if generation is not None]
            cache.select(torch.tensor(staying, device=device))
        logits = gpt.step(torch.tensor([row.tokens[-1] for row in rows], device=device), cache)


def _history(prompt: Tensor | None) -> Tensor:
    return torch.empty(0, dtype=torch.long) if prompt is None else prompt.cpu().long()
