"""Whether the tokens of a piece can be what was to be said, and how far they may run.

The network decides by itself when a piece ends. Now and then it stops after a word, or does not stop
and goes on with noise; both can be told from how many tokens there are for a phone.
"""

from __future__ import annotations

from typing import Final

import torch

from engine.infer.semantic import Generation

_TOKENS_OF_START: Final = 100
_MOST_TOKENS_OF_PHONE: Final = 20
_LEAST_TOKENS_OF_PHONE: Final = 0.5
_SEEDS: Final = 2**32
"""The CPU's generator hears no more of a seed than 32 bits."""
_SEEDS_OF_TRY: Final = 2**31
_FAR_FROM: Final = 0x9E3779B9
"""Odd and large, so that no small seed's noise is another small seed's chance."""


class Chance:
    """Two sources, so that tokens are the same whether sound is made between them or after them."""

    def __init__(self, seed: int, attempt: int = 0) -> None:
        """Starts both from a piece's seed; another attempt has another chance."""
        seed += attempt * _SEEDS_OF_TRY
        self.tokens = torch.Generator().manual_seed(seed % _SEEDS)
        self.noise = torch.Generator().manual_seed((seed + _FAR_FROM) % _SEEDS)


def token_limit(phones: int) -> int:
    """Tokens that a piece cannot need: 4 s, and 0.8 s for every phone."""
    return _TOKENS_OF_START + _MOST_TOKENS_OF_PHONE * phones


def fault_of(take: Generation, phones: int) -> str:
    """What is wrong with a take, as the rest of a sentence; empty when nothing can be told.

    Args:
        take: its tokens.
        phones: how many phones were to be said.
    """
    if not take.ended:
        return f"did not come to an end within {len(take.tokens) / 25:.0f} s"
    if len(take.tokens) < _LEAST_TOKENS_OF_PHONE * phones:  # 50 phones a second; speech has 10 to 20
        return f"ended after {len(take.tokens) / 25:.1f} s, too early for {phones} sounds"
    return ""


def better(first: Generation, second: Generation) -> Generation:
    """The take to keep when both went wrong: one that ended by itself, else the longer one that did."""
    if first.ended != second.ended:
        return first if first.ended else second
    return second if len(second.tokens) > len(first.tokens) and second.ended else first
