"""Text as the networks take it: ids of phones, and features of what the words mean.

Shapes: C channels of features, L phones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from engine.models.text_encoder import TextEncoder
from engine.protocol.versions import ModelVersion
from engine.text.dictionary import PLAIN, Pronunciation
from engine.text.frontend import Segment, phonemize_piece

MEANING_LANGUAGE: Final = "zh"
"""The language whose words have features; they are zero in others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A text that can be spoken.

    Attributes:
        phones: (L,) ids.
        features: (C, L) of what the words mean; zeros where a language has none.
        unheard: Whether words that should have features have none, for want of a text encoder.
    """

    phones: Tensor
    features: Tensor
    unheard: bool = False


class Speller:
    """Spells texts for one voice; the text encoder is loaded when the first Chinese word comes."""

    def __init__(
        self,
        version: ModelVersion,
        channels: int,
        load_encoder: Callable[[], TextEncoder | None] = lambda: None,
    ) -> None:
        """Sets what all texts share.

        Args:
            version: model version, for the phone table.
            channels: width of features that the GPT takes.
            load_encoder: gives the text encoder; None goes without.
        """
        self._version = version
        self._channels = channels
        self._load_encoder = load_encoder
        self._encoder: TextEncoder | None = None
        self._asked = False

    def spell(self, text: str, language: str, pronunciation: Pronunciation = PLAIN) -> Words:
        """A piece of text.

        Args:
            text: the piece.
            language: how it is read, one of TEXT_MODES.
            pronunciation: what the user adds to the rules.

        Raises:
            BadParameters: the language is not built in.
        """
        result = phonemize_piece(text, language, self._version.name, pronunciation)
        parts = [self._features(segment) for segment in result.segments]
        found = [
            torch.zeros(self._channels, len(segment.phones)) if part is None else part
            for segment, part in zip(result.segments, parts, strict=True)
        ]
        meant = [segment.language == MEANING_LANGUAGE for segment in result.segments]
        return Words(
            phones=torch.tensor(result.phone_ids, dtype=torch.long),
            features=torch.cat(found, dim=1) if found else torch.zeros(self._channels, 0),
            unheard=any(wanted and part is None for wanted, part in zip(meant, parts, strict=True)),
        )

    def _features(self, segment: Segment) -> Tensor | None:
        """(C, L) of a stretch of text; None where there are none."""
        if segment.language != MEANING_LANGUAGE or segment.word2ph is None:
            return None
        if not self._asked:
            self._asked = True
            self._encoder = self._load_encoder()
        if self._encoder is None or self._encoder.channels != self._channels:
            return None
        return self._encoder.encode(segment.norm_text, segment.word2ph).float().cpu()
