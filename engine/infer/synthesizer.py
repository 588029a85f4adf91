"""A voice that speaks: its networks are loaded once, then text goes in and sound comes out.

Shapes: B batch, L phones, C channels, T tokens, S samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from engine.audio.resample import Samples
from engine.infer.options import SpeakOptions
from engine.infer.reference import Reference, Warn, make_reference
from engine.infer.semantic import SemanticRequest, generate_tokens
from engine.infer.sola import Joiner
from engine.infer.text_cut import prepare_prompt_text, require_pieces
from engine.models.gpt import Gpt, load_gpt
from engine.models.hubert import ContentEncoder, load_content_encoder
from engine.models.sovits import FRAMES_PER_CODE, Sovits, SpeakSettings, StyleReference, load_sovits
from engine.protocol.errors import BadCheckpoint
from engine.text.frontend import phonemize_piece

OVERLAP_TOKENS: Final = 2
"""Tokens that a streamed chunk shares with the one before it."""

SEARCH_SAMPLES: Final = 320
"""How far the start of a chunk may be moved to fit the one before it."""

Check = Callable[[], None]

_NOISE_SEEDS: Final = 2**32


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceFiles:
    """The files that a voice is made of.

    Attributes:
        gpt: Weights that turn text into tokens.
        sovits: Weights that turn tokens into sound.
        content_encoder: Folder of the network that hears what is said in a reference.
        version: Model version.
    """

    gpt: Path
    sovits: Path
    content_encoder: Path
    version: str = "v2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What speech starts from: a voice, and what it has just said.

    Attributes:
        reference: The recording.
        phones: (L,) ids of what is said in it; None speaks without its tokens.
    """

    reference: Reference
    phones: Tensor | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioChunk:
    """Sound that can be played.

    Attributes:
        samples: (S,) float32.
        rate_hz: Samples a second.
        piece: Number of the piece of text, from 0.
        pieces: How many pieces there are.
        text: The piece.
        ends_piece: Whether the piece is complete with this chunk.
    """

    samples: Samples
    rate_hz: int
    piece: int
    pieces: int
    text: str
    ends_piece: bool


@dataclass(frozen=True, slots=True)
class _Chance:
    """Two sources, so that tokens are the same whether sound is made between them or after them."""

    tokens: torch.Generator
    noise: torch.Generator

    @classmethod
    def of(cls, seed: int) -> _Chance:
        seed %= _NOISE_SEEDS
        return cls(torch.Generator().manual_seed(seed), torch.Generator().manual_seed(seed + _NOISE_SEEDS))


class Synthesizer:
    """The networks of one voice on one device."""

    def __init__(self, gpt: Gpt, sovits: Sovits, encoder: ContentEncoder, version: str) -> None:
        """Takes networks that fit together.

        Raises:
            BadCheckpoint: they do not.
        """
        _check_fit(gpt, sovits, encoder)
        self._gpt = gpt
        self._sovits = sovits
        self._encoder = encoder
        self._version = version
        self._references: dict[tuple[Path, int, int], Reference] = {}

    @property
    def rate_hz(self) -> int:
        """Samples a second of what is spoken."""
        return self._sovits.config.rate_hz

    def prepare(self, reference: Path, text: str, language: str, warn: Warn) -> Prompt:
        """Makes a prompt of a recording; a recording is read again only when its file has changed.

        Args:
            reference: 3-10 s of the voice.
            text: what is said in it; empty takes only the voice.
            language: language of that text.
            warn: told what was changed in the recording.

        Raises:
            MissingFile: there is no such file.
            BadAudio: the recording cannot be used.
            BadParameters: the language is not built in.
        """
        found = make_key(reference)
        if found not in self._references:
            self._references[found] = make_reference(reference, self._encoder, self._sovits, warn)
        said = prepare_prompt_text(text, language)
        phones = self._phones(said, language) if said else None
        return Prompt(reference=self._references[found], phones=phones)

    def speak(
        self, text: str, language: str, prompt: Prompt, options: SpeakOptions, check: Check = lambda: None
    ) -> Iterator[AudioChunk]:
        """Speaks a text piece by piece, each handed out as soon as it is made.

        Args:
            text: what is to be said.
            language: its language.
            prompt: voice to speak with.
            options: how to speak.
            check: called at every token; may raise to stop.

        Yields:
            Sound in the order of the text, the pause after each piece included.

        Raises:
            BadText: there is nothing in the text that could be spoken.
            BadParameters: the language is not built in.
        """
        pieces = require_pieces(text, language, options.cut)
        for number, piece in enumerate(pieces):
            chance = _Chance.of(options.seed + number)
            waiting: Samples | None = None
            for samples in self._piece(piece, language, prompt, options, (chance, check)):
                if waiting is not None:
                    yield self._chunk(waiting, number, pieces, ends_piece=False)
                waiting = samples
            if waiting is None:
                waiting = np.zeros(0, np.float32)
            pause = np.zeros(int(options.pause_s * self.rate_hz), np.float32)
            yield self._chunk(np.concatenate((waiting, pause)), number, pieces, ends_piece=True)

    def _chunk(self, samples: Samples, number: int, pieces: list[str], *, ends_piece: bool) -> AudioChunk:
        return AudioChunk(
            samples=samples,
            rate_hz=self.rate_hz,
            piece=number,
            pieces=len(pieces),
            text=pieces[number],
            ends_piece=ends_piece,
        )

    def _piece(
        self,
        piece: str,
        language: str,
        prompt: Prompt,
        options: SpeakOptions,
        run: tuple[_Chance, Check],
    ) -> Iterator[Samples]:
        chance, check = run
        phones = self._phones(piece, language)
        tokens = _watched(self._tokens(phones, prompt, options, chance.tokens), check)
        if options.stream:
            yield from self._streamed(tokens, phones, prompt, options, chance.noise)
        else:
            yield self._whole(list(tokens), phones, prompt, options, chance.noise)

    def _phones(self, text: str, language: str) -> Tensor:
        return torch.tensor(phonemize_piece(text, language, self._version).phone_ids, dtype=torch.long)

    def _tokens(
        self, phones: Tensor, prompt: Prompt, options: SpeakOptions, chance: torch.Generator
    ) -> Iterator[int]:
        heard = None
        if prompt.phones is not None:
            phones = torch.cat((prompt.phones, phones))
            heard = prompt.reference.tokens
        bert = torch.zeros(self._gpt.config.bert_channels, len(phones))
        request = SemanticRequest(phones=phones, bert=bert, generator=chance)
        return generate_tokens(self._gpt, request, heard, options.sampling)

    def _whole(
        self,
        tokens: list[int],
        phones: Tensor,
        prompt: Prompt,
        options: SpeakOptions,
        chance: torch.Generator,
    ) -> Samples:
        if not tokens:
            return np.zeros(0, np.float32)
        wave = self._sovits.decode(
            self._row(tokens),
            self._row(phones),
            [StyleReference(spectrogram=prompt.reference.spectrogram)],
            noise_scale=options.noise_scale,
            speed=options.speed,
            generator=chance,
        )
        return _limited(_samples(wave))

    @torch.no_grad()
    def _streamed(
        self,
        tokens: Iterable[int],
        phones: Tensor,
        prompt: Prompt,
        options: SpeakOptions,
        chance: torch.Generator,
    ) -> Iterator[Samples]:
        """Speaks every few tokens what they add; earlier tokens stay the context.

        A chunk begins with the last tokens of the one before: their features are faded, then the
        samples are joined where they fit best.
        """
        style = self._sovits.mean_style([StyleReference(spectrogram=prompt.reference.spectrogram)])
        settings = SpeakSettings(noise_scale=options.noise_scale, speed=options.speed)
        token_samples = FRAMES_PER_CODE * self._sovits.config.hop_samples
        joiner = Joiner(math.ceil(OVERLAP_TOKENS * token_samples / options.speed), SEARCH_SAMPLES)
        known: list[int] = []
        shared: Tensor | None = None
        stream = iter(tokens)
        while chunk := list(islice(stream, max(options.chunk_tokens, OVERLAP_TOKENS))):
            repeated = OVERLAP_TOKENS if shared is not None else 0
            known += chunk
            spoken = self._sovits.decode_stream(
                self._row(known),
                self._row(phones),
                style,
                last_codes=len(chunk) + repeated,
                overlap=shared,
                settings=settings,
                generator=chance,
            )
            shared = spoken.features[..., -OVERLAP_TOKENS * FRAMES_PER_CODE :]
            yield joiner.push(_samples(spoken.wave))
        yield joiner.finish()

    def _row(self, values: Tensor | list[int]) -> Tensor:
        device = next(self._sovits.parameters()).device
        return torch.as_tensor(values, dtype=torch.long, device=device)[None]


def load_synthesizer(files: VoiceFiles, device: torch.device) -> Synthesizer:
    """Loads a voice.

    Raises:
        MissingModel: a file is not there.
        BadCheckpoint: a file is damaged, unsafe or of another kind, or they do not fit together.
    """
    sovits = load_sovits(files.sovits, posterior=False)
    sovits.fuse_weight_norm()
    return Synthesizer(
        load_gpt(files.gpt).to(device),
        sovits.to(device),
        load_content_encoder(files.content_encoder).to(device),
        files.version,
    )


def make_key(path: Path) -> tuple[Path, int, int]:
    """What tells a file from an earlier one of the same name."""
    if not path.exists():
        return path, 0, 0
    about = path.stat()
    return path, about.st_mtime_ns, about.st_size


def _check_fit(gpt: Gpt, sovits: Sovits, encoder: ContentEncoder) -> None:
    hint = "Choose GPT and SoVITS weights that were trained together."
    tokens = gpt.config.eos_token
    if tokens != sovits.config.codebook_size:
        raise BadCheckpoint(
            f"The GPT weights know {tokens} tokens, the SoVITS weights {sovits.config.codebook_size}.",
            hint=hint,
        )
    if gpt.config.phoneme_rows != sovits.config.symbol_rows:
        raise BadCheckpoint(
            f"The GPT weights know {gpt.config.phoneme_rows} phones, "
            f"the SoVITS weights {sovits.config.symbol_rows}.",
            hint=hint,
        )
    if encoder.channels != sovits.config.ssl_channels:
        raise BadCheckpoint(
            f"The content encoder is {encoder.channels} wide, "
            f"but the SoVITS weights were made with one of {sovits.config.ssl_channels}.",
            hint="Choose the content encoder that the voice was trained with.",
        )


def _watched(tokens: Iterator[int], check: Check) -> Iterator[int]:
    check()
    for token in tokens:
        yield token
        check()


def _samples(wave: Tensor) -> Samples:
    """(1, 1, S) -> (S,)."""
    made: Samples = wave[0, 0].float().cpu().numpy()
    return made


def _limited(samples: Samples) -> Samples:
    """Brought down to full scale when beyond it."""
    loudest = np.abs(samples).max(initial=0)
    return samples / loudest if loudest > 1 else samples
