"""The decoder of the versions that sample a mel spectrogram and speak it with a vocoder.

Shapes: F mel frames, L phones, S samples, T tokens.

Where parts are handed out, the vocoder gives what it would give at once.  The sampler does not: it goes
on from the mel that it has just made, as it does after every five seconds anyway, and a part's last
tokens do not hear those that follow.  What that costs the ear needs a trained voice to measure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import torch
from torch import Tensor

from engine.audio.resample import Samples, resample
from engine.audio.spectrogram import linear_spectrogram, log_mel, normalise_mel
from engine.infer.decoder import Prompt, Timbre, to_samples
from engine.infer.options import SoundOptions
from engine.infer.wave_decoder import within_full_scale
from engine.models.codes import CodeReader
from engine.models.flow_matching import FlowOptions
from engine.models.flow_sovits import FlowSovits, MelPrompt
from engine.models.vocoder import Vocoder
from engine.modules.device import CPU, Computing
from engine.protocol.errors import BadParameters
from engine.protocol.versions import SPECTROGRAM_RATE_HZ, ModelVersion

SHORTEST_TOKENS: Final = 50
"""A part that is spoken on its own lasts two seconds at least: every part costs a pass over the prompt."""


class MelDecoder:
    """Flow matching and vocoder of one SoVITS network."""

    def __init__(
        self, network: FlowSovits, vocoder: Vocoder, version: ModelVersion, computing: Computing = CPU
    ) -> None:
        """Takes networks in float32, and puts them where and how they shall compute."""
        self._reader = CodeReader.copy_of(network.ssl_proj, network.quantizer).to(computing.device)
        self._network = network.to(computing.device, computing.dtype).eval()
        self._vocoder = vocoder.to(computing.device, computing.dtype).eval()
        self._version = version
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
        """Tokens of a part at least."""
        return SHORTEST_TOKENS

    def codes(self, content: Tensor) -> Tensor:
        """(1, C, T') content features -> (T,) tokens on the CPU."""
        return self._reader.extract_codes(content)[0].cpu()

    @torch.no_grad()
    def listen(self, samples: Samples) -> Timbre:
        """(S,) samples of a recording -> its style, and its mel, which speech goes on from."""
        spectrogram = linear_spectrogram(torch.from_numpy(within_full_scale(samples))[None])
        spec = self._network.version.mel
        heard = resample(samples, SPECTROGRAM_RATE_HZ, spec.spectrogram.rate_hz)
        mel = log_mel(torch.from_numpy(heard)[None], spec)
        return Timbre(style=self._network.style(self._placed(spectrogram)), mel=self._placed(mel))

    def decode(
        self,
        tokens: Sequence[int],
        phones: Tensor,
        prompt: Prompt,
        options: SoundOptions,
        generator: torch.Generator,
    ) -> Samples:
        """(T,) tokens -> (S,) samples; the sampler goes in windows, the vocoder over all of them."""
        style = self._placed(prompt.timbre.style)
        condition = self._network.condition(self._row(tokens), self._row(phones), style, speed=options.speed)
        mels = self._network.make_mel(
            condition, self._prompt(prompt), self._flow(options), generator=generator
        )
        return to_samples(self._vocoder(torch.cat(list(mels), dim=2)))

    def stream(
        self,
        parts: Iterable[Sequence[int]],
        phones: Tensor,
        prompt: Prompt,
        options: SoundOptions,
        generator: torch.Generator,
    ) -> Iterator[Samples]:
        """Speaks every part as soon as it comes; each goes on from the mel of the one before."""
        for wave in self._vocoder.speak(self._mels(parts, phones, prompt, options, generator)):
            yield to_samples(wave)

    def use_float32(self) -> bool:
        """Computes in float32 from now on; False when it did so already."""
        if self._computing.dtype is torch.float32:
            return False
        self._computing = Computing(self._computing.device)
        self._network.float()
        self._vocoder.float()
        return True

    def _mels(
        self,
        parts: Iterable[Sequence[int]],
        phones: Tensor,
        prompt: Prompt,
        options: SoundOptions,
        generator: torch.Generator,
    ) -> Iterator[Tensor]:
        """(1, bands, F) of every part; the tokens before it are the context of its condition."""
        words, style = self._row(phones), self._placed(prompt.timbre.style)
        before = self._prompt(prompt)
        given = before.mel.shape[2]
        known: list[int] = []
        done = 0
        for part in parts:
            known += part
            whole = self._network.condition(self._row(known), words, style, speed=options.speed)
            fresh = whole[..., done:]
            done = whole.shape[2]
            for mel in self._network.make_mel(
                fresh, before, self._flow(options), chunk_frames=fresh.shape[2], generator=generator
            ):
                yield mel
                heard = torch.cat((before.mel, normalise_mel(mel)), dim=2)
                asked = torch.cat((before.condition, fresh), dim=2)
                before = MelPrompt(mel=heard[..., -given:], condition=asked[..., -given:])

    def _prompt(self, prompt: Prompt) -> MelPrompt:
        if prompt.words is None or prompt.timbre.mel is None:
            raise BadParameters(
                f"A voice of {self._version.name} cannot speak without the text of its reference.",
                hint="Type what is said in the reference recording.",
            )
        return self._network.mel_prompt(
            self._placed(prompt.timbre.mel),
            self._row(prompt.tokens),
            self._row(prompt.words.phones),
            self._placed(prompt.timbre.style),
        )

    def _flow(self, options: SoundOptions) -> FlowOptions:
        return FlowOptions(steps=options.steps or self._network.version.steps)

    def _row(self, values: Tensor | Sequence[int]) -> Tensor:
        return torch.as_tensor(values, dtype=torch.long, device=self._computing.device)[None]

    def _placed(self, values: Tensor) -> Tensor:
        return values.to(self._computing.device, self._computing.dtype)
