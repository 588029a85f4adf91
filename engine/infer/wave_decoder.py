"""The decoder of the versions whose SoVITS network gives a waveform.

Shapes: G style, L phones, S samples, T tokens.

What handing out parts costs, as the mean distance of 80 log-mel bands to the same sentence decoded
at once (starter voice, no noise): within 45 ms of a seam 0.8 dB with parts of 16 tokens and 0.6 dB with
parts that end in silence; elsewhere 0.6 and 0.4 dB.  Without `CONTEXT_TOKENS` it is 1.4 dB at seams.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

import numpy as np
import torch
from torch import Tensor

from engine.audio.resample import Samples, resample
from engine.audio.spectrogram import linear_spectrogram
from engine.infer.decoder import Prompt, Timbre, to_samples
from engine.infer.options import SoundOptions
from engine.infer.sola import Joiner
from engine.models.codes import CodeReader
from engine.models.hubert import RATE_HZ as SPEAKER_RATE_HZ
from engine.models.sovits import FRAMES_PER_CODE, Sovits, SpeakSettings
from engine.modules.device import CPU, Computing
from engine.protocol.versions import ModelVersion

OVERLAP_TOKENS: Final = 2
"""Tokens that a part shares with the one before it: their features fade, then their samples."""

SEARCH_SAMPLES: Final = 320
"""How far the start of a part may be moved to fit the one before it."""

CONTEXT_TOKENS: Final = 4
"""Tokens before those that are decoded with a part once more, so that its start knows what came before;
they are not heard again."""

_LOUDEST_DIVISOR: Final = 2.0


class SpeakerEncoder(Protocol):
    """Hears who speaks."""

    def embed(self, wave: Tensor) -> Tensor:
        """(1, S) samples at 16 kHz -> (1, V) speaker vector."""
        ...


class WaveDecoder:
    """Flow and HiFi-GAN of one SoVITS network."""

    def __init__(
        self,
        network: Sovits,
        version: ModelVersion,
        speaker_encoder: SpeakerEncoder | None = None,
        computing: Computing = CPU,
    ) -> None:
        """Takes a network in float32, and puts it where and how it shall compute.

        Args:
            network: the SoVITS network.
            version: the version that it speaks as.
            speaker_encoder: on the same device, in float32; only versions with a speaker vector
                need it.
            computing: device and precision.
        """
        self._reader = CodeReader.copy_of(network.ssl_proj, network.quantizer).to(computing.device)
        self._network = network.to(computing.device, computing.dtype).eval()
        self._version = version
        self._speaker_encoder = speaker_encoder
        self._computing = computing

    @property
    def version(self) -> ModelVersion:
        """The version that it speaks as."""
        return self._version

    @property
    def codebook_size(self) -> int:
        """How many tokens it knows."""
        return self._network.config.codebook_size

    @property
    def content_channels(self) -> int:
        """Width of the content features that it makes tokens of."""
        return self._network.config.ssl_channels

    @property
    def shortest_part(self) -> int:
        """Tokens of a part at least: what parts share must fit into one."""
        return OVERLAP_TOKENS

    def codes(self, content: Tensor) -> Tensor:
        """(1, C, T') content features -> (T,) tokens on the CPU."""
        return self._reader.extract_codes(content)[0].cpu()

    @torch.no_grad()
    def listen(self, samples: Samples) -> Timbre:
        """(S,) samples of a recording -> its style, and who speaks where the version hears that."""
        spec = self._network.config.spectrogram
        level = within_full_scale(samples)
        spectrogram = linear_spectrogram(torch.from_numpy(level)[None], spec)
        speaker = None
        if self._speaker_encoder is not None:
            heard = resample(level, spec.rate_hz, SPEAKER_RATE_HZ)
            speaker = self._speaker_encoder.embed(torch.from_numpy(heard)[None].to(self._computing.device))
        return Timbre(style=self._network.style(self._placed(spectrogram), speaker=speaker))

    def decode(
        self,
        tokens: Sequence[int],
        phones: Tensor,
        prompt: Prompt,
        options: SoundOptions,
        generator: torch.Generator,
    ) -> Samples:
        """(T,) tokens -> (S,) samples, all at once."""
        spoken = self._network.decode_stream(
            self._row(tokens),
            self._row(phones),
            self._placed(prompt.timbre.style),
            settings=SpeakSettings(noise_scale=options.noise_scale, speed=options.speed),
            generator=generator,
        )
        return to_samples(spoken.wave)

    def stream(
        self,
        parts: Iterable[Sequence[int]],
        phones: Tensor,
        prompt: Prompt,
        options: SoundOptions,
        generator: torch.Generator,
    ) -> Iterator[Samples]:
        """Speaks every part as soon as it comes; earlier tokens stay the context."""
        words, style = self._row(phones), self._placed(prompt.timbre.style)
        settings = SpeakSettings(noise_scale=options.noise_scale, speed=options.speed)
        token_samples = FRAMES_PER_CODE * self._network.config.hop_samples / options.speed
        joiner = Joiner(math.ceil(OVERLAP_TOKENS * token_samples), SEARCH_SAMPLES)
        known: list[int] = []
        features: Tensor | None = None
        for part in parts:
            again = min(len(known), OVERLAP_TOKENS + CONTEXT_TOKENS)
            known += part
            spoken = self._network.decode_stream(
                self._row(known),
                words,
                style,
                last_codes=len(part) + again,
                overlap=None if features is None else features[..., -again * FRAMES_PER_CODE :],
                settings=settings,
                generator=generator,
            )
            features = _last(features, spoken.features, again)
            unheard = max(again - OVERLAP_TOKENS, 0) * token_samples
            yield joiner.push(to_samples(spoken.wave)[round(unheard) :])
        yield joiner.finish()

    def use_float32(self) -> bool:
        """Computes in float32 from now on; False when it did so already."""
        if self._computing.dtype is torch.float32:
            return False
        self._computing = Computing(self._computing.device)
        self._network.float()
        return True

    def _row(self, values: Tensor | Sequence[int]) -> Tensor:
        return torch.as_tensor(values, dtype=torch.long, device=self._computing.device)[None]

    def _placed(self, values: Tensor) -> Tensor:
        return values.to(self._computing.device, self._computing.dtype)


def within_full_scale(samples: Samples) -> Samples:
    """(S,) samples; what is beyond full scale is brought down, by half at most."""
    loudest = float(np.abs(samples).max())
    return samples / np.float32(min(_LOUDEST_DIVISOR, loudest)) if loudest > 1 else samples


def _last(before: Tensor | None, new: Tensor, again: int) -> Tensor:
    """(1, C, F) the last features that the next part may share.

    Args:
        before: what was kept of the parts before.
        new: features of a part, which begin with those of `again` tokens of `before`.
        again: tokens that are in both.
    """
    most = (OVERLAP_TOKENS + CONTEXT_TOKENS) * FRAMES_PER_CODE
    if before is None or new.shape[2] >= most:
        return new
    return torch.cat((before[..., : before.shape[2] - again * FRAMES_PER_CODE], new), dim=2)
