"""What speaking asks of a decoder, whatever the model version.

Shapes: C channels, G style, F frames, L phones, P mel frames, S samples, T tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from engine.audio.resample import Samples
from engine.infer.options import SoundOptions
from engine.infer.spelling import Words
from engine.protocol.versions import ModelVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class Timbre:
    """What a decoder has heard in recordings of a voice.

    Attributes:
        style: (1, G, 1) mean style.
        mel: (1, bands, P) log-mel of the recording that speech goes on from; None where it does not.
    """

    style: Tensor
    mel: Tensor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What speech starts from: a voice, and what it has just said.

    Attributes:
        timbre: The voice.
        tokens: (T,) semantic tokens of the recording, on the CPU.
        words: What is said in it; None speaks without its tokens.
    """

    timbre: Timbre
    tokens: Tensor
    words: Words | None


class SoundDecoder(Protocol):
    """Turns semantic tokens into sound. One decoder serves one voice file on one device."""

    @property
    def version(self) -> ModelVersion:
        """The version that it speaks as."""
        ...

    @property
    def codebook_size(self) -> int:
        """How many tokens it knows."""
        ...

    @property
    def content_channels(self) -> int:
        """Width of the content features that it makes tokens of."""
        ...

    @property
    def shortest_part(self) -> int:
        """Tokens of a part at least, where sound is handed out within pieces."""
        ...

    def codes(self, content: Tensor) -> Tensor:
        """(1, C, T') content features of a recording, 50 a second -> (T,) tokens on the CPU."""
        ...

    def listen(self, samples: Samples) -> Timbre:
        """(S,) mono samples of a recording, at the rate of references -> what is heard in it."""
        ...

    def decode(
        self,
        tokens: Sequence[int],
        phones: Tensor,
        prompt: Prompt,
        options: SoundOptions,
        generator: torch.Generator,
    ) -> Samples:
        """Speaks a piece.

        Args:
            tokens: at least one.
            phones: (L,) of the piece.
            prompt: the voice.
            options: how.
            generator: source of the noise, on the CPU.

        Returns:
            (S,) at the version's rate.
        """
        ...

    def stream(
        self,
        parts: Iterable[Sequence[int]],
        phones: Tensor,
        prompt: Prompt,
        options: SoundOptions,
        generator: torch.Generator,
    ) -> Iterator[Samples]:
        """As `decode`, for tokens that come in parts: each is heard before the next one is asked for."""
        ...

    def use_float32(self) -> bool:
        """Computes in float32 from now on; False when it did so already."""
        ...


def mean_timbre(heard: Sequence[Timbre]) -> Timbre:
    """The mean style of several recordings; the first is the one that speech goes on from."""
    style = torch.stack([timbre.style for timbre in heard]).mean(dim=0)
    return Timbre(style=style, mel=heard[0].mel)


def to_samples(wave: Tensor) -> Samples:
    """(1, 1, S) -> (S,) float32."""
    made: Samples = wave[0, 0].float().cpu().numpy()
    return made
