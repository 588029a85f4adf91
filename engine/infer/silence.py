"""Where a stream of tokens is cut into parts that are heard one after the other.

Shapes: V token rows, C channels.

A cut inside a vowel can be heard, a cut in a silence cannot. Which tokens are silent is told from
how much their vectors resemble the one of silence.

Source: SPEC section 10.9 of the parity kit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

OFFICIAL_SILENCE: Final = 486
"""The token of silence among the 1024 of official models."""

OFFICIAL_TOKENS: Final = 1024

_LOOK_AHEAD: Final = 2
_LONGEST: Final = 6
_LOUD: Final = -1.0


def fixed_parts(tokens: Iterable[int], count: int) -> Iterator[list[int]]:
    """Tokens in parts of `count`; the last may be shorter."""
    part: list[int] = []
    for token in tokens:
        part.append(token)
        if len(part) == count:
            yield part
            part = []
    if part:
        yield part


def silent_parts(tokens: Iterable[int], at_least: int, likeness: Tensor) -> Iterator[list[int]]:
    """Tokens in parts that end behind a silent token.

    Args:
        tokens: semantic tokens as they are made.
        at_least: shortest part; one without any silence is cut at six times that.
        likeness: (V,) how much each token resembles silence; see `silence_likeness`.

    Yields:
        Parts in order; together they are all tokens.
    """
    part: list[int] = []
    for token in tokens:
        part.append(token)
        if len(part) < at_least + _LOOK_AHEAD:
            continue
        end = _silent_end(likeness[torch.tensor(part)], at_least)
        if end is None and len(part) >= _LONGEST * at_least:
            end = len(part)
        if end is not None:
            yield part[:end]
            part = part[end:]
    if part:
        yield part


def silence_likeness(table: Tensor, silent: int) -> Tensor:
    """How much each token resembles silence.

    Args:
        table: (V, C) vectors of the tokens.
        silent: a token that stands for silence.

    Returns:
        (V,) cosine, on the CPU; -1 where it is negative.
    """
    likeness = F.cosine_similarity(table.float(), table[silent].float()[None], dim=1).cpu()
    return likeness.masked_fill(likeness < 0, _LOUD)


def _silent_end(likeness: Tensor, at_least: int) -> int | None:
    """Tokens up to the most silent pair of neighbours; None when it comes too early or is not silent."""
    pairs = likeness.clone()
    pairs[:-1] += likeness[1:]
    best = int(pairs.argmax())
    return best + 1 if float(pairs[best]) >= 0 and best + 1 >= at_least else None
