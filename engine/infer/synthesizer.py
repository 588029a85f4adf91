"""A voice that speaks: its networks are loaded once, then text goes in and sound comes out.

Shapes: L phones, T tokens, S samples, V token rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from engine.audio.resample import Samples
from engine.infer.decoder import Prompt, SoundDecoder, Timbre, mean_timbre
from engine.infer.options import SpeakOptions, StreamOptions
from engine.infer.reference import Reference, Warn, hear_more, make_reference
from engine.infer.semantic import Generation, NotFinite, SemanticRequest, generate_batch, generate_tokens
from engine.infer.silence import (
    OFFICIAL_SILENCE,
    OFFICIAL_TOKENS,
    fixed_parts,
    silence_likeness,
    silent_parts,
)
from engine.infer.spelling import Speller, Words
from engine.infer.takes import Chance, better, fault_of, token_limit
from engine.infer.text_cut import prepare_prompt_text, require_pieces
from engine.models.gpt import Gpt
from engine.models.hubert import RATE_HZ as CONTENT_RATE_HZ
from engine.models.hubert import ContentEncoder
from engine.protocol.errors import BadCheckpoint, BadParameters
from engine.text.dictionary import PLAIN, Pronunciation

Check = Callable[[], None]

_CPU_BATCH: Final = 4
_GPU_BATCH: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Recordings of a voice.

    Attributes:
        reference: 3-10 s, whose manner is taken too.
        text: What is said in it; empty takes only the voice.
        language: How that text is read, one of TEXT_MODES.
        more: Recordings of the same voice, whose timbre is averaged with the reference's.
    """

    reference: Path
    text: str = ""
    language: str = "en"
    more: tuple[Path, ...] = ()


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """A piece of text on its way."""

    number: int
    text: str
    words: Words
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What all pieces of a text share."""

    prompt: Prompt
    options: SpeakOptions
    check: Check
    warn: Warn


class Synthesizer:
    """The networks of one voice on one device."""

    def __init__(self, gpt: Gpt, decoder: SoundDecoder, encoder: ContentEncoder, speller: Speller) -> None:
        """Takes networks that fit together.

        Args:
            gpt: turns text into tokens.
            decoder: turns tokens into sound.
            encoder: hears what is said in a reference.
            speller: turns text into phones.

        Raises:
            BadCheckpoint: they do not fit.
        """
        _check_fit(gpt, decoder, encoder)
        self._gpt = gpt
        self._decoder = decoder
        self._encoder = encoder
        self._speller = speller
        self._references: dict[tuple[Path, int, int], Reference] = {}
        self._timbres: dict[tuple[Path, int, int], Timbre] = {}
        self._likeness: Tensor | None = None

    @property
    def rate_hz(self) -> int:
        """Samples a second of what is spoken."""
        return self._decoder.version.rate_hz

    def prepare(self, source: Source, warn: Warn, pronunciation: Pronunciation = PLAIN) -> Prompt:
        """Makes a prompt of recordings; one is read again only when its file has changed.

        Args:
            source: the recordings.
            warn: told what was changed in a recording, or is not used.
            pronunciation: what the user adds to the rules of reading.

        Raises:
            MissingFile: there is no such file.
            BadAudio: a recording cannot be used.
            BadParameters: the language is not built in, or the version needs the text.
        """
        name, more = self._decoder.version.name, source.more
        said = prepare_prompt_text(source.text, source.language)
        words = self._speller.spell(said, source.language, pronunciation) if said else None
        found = make_key(source.reference)
        if found not in self._references:
            self._references[found] = make_reference(source.reference, self._encoder, self._decoder, warn)
        main = self._references[found]
        goes_on = main.timbre.mel is not None
        if goes_on and words is None:
            raise BadParameters(
                f"A voice of {name} cannot speak without the text of its reference.",
                hint="Type what is said in the reference recording.",
            )
        if words is not None and words.unheard:
            warn(_NO_MEANING)
        if goes_on and more:
            warn(f"A voice of {name} takes one recording only; the others are not used.")
            more = ()
        heard = [main.timbre, *(self._timbre(path, warn) for path in more)]
        return Prompt(timbre=mean_timbre(heard), tokens=main.tokens, words=words)

    def speak(
        self,
        text: str,
        language: str,
        prompt: Prompt,
        options: SpeakOptions,
        check: Check = lambda: None,
        warn: Warn = lambda _: None,
    ) -> Iterator[AudioChunk]:
        """Speaks a text piece by piece, each handed out as soon as it is made.

        A piece gets the same tokens and, handed out whole, the same samples from the same seed,
        whatever stands beside it in a batch.

        Args:
            text: what is to be said.
            language: how it is read, one of TEXT_MODES.
            prompt: voice to speak with.
            options: how to speak.
            check: called at every token; may raise to stop.
            warn: told which piece may have gone wrong.

        Yields:
            Sound in the order of the text, the pause after each piece included.

        Raises:
            BadText: there is nothing in the text that could be spoken.
            BadParameters: the language is not built in.
            BadCheckpoint: the networks give no numbers.
        """
        texts = require_pieces(text, language, options.cut)
        run = _Run(prompt=prompt, options=options, check=check, warn=warn)
        pause = np.zeros(int(options.pause_s * self.rate_hz), np.float32)
        told = prompt.words is not None and prompt.words.unheard
        for numbers in _groups(len(texts), self._batch(options)):
            pieces = [
                _Piece(
                    number=number,
                    text=texts[number],
                    words=self._speller.spell(texts[number], language, options.pronunciation),
                    seed=options.seed + number,
                )
                for number in numbers
            ]
            if not told and any(piece.words.unheard for piece in pieces):
                told = True
                warn(_NO_MEANING)
            for piece, samples, last in self._spoken(pieces, run):
                yield AudioChunk(
                    samples=np.concatenate((samples, pause)) if last else samples,
                    rate_hz=self.rate_hz,
                    piece=piece.number,
                    pieces=len(texts),
                    text=piece.text,
                    ends_piece=last,
                )

    def _spoken(self, pieces: list[_Piece], run: _Run) -> Iterator[tuple[_Piece, Samples, bool]]:
        """Sound of pieces, and whether it is the last of its piece."""
        if run.options.stream is not None:
            for piece in pieces:
                waiting = np.zeros(0, np.float32)
                for number, samples in enumerate(self._streamed(piece, run.options.stream, run)):
                    if number:
                        yield piece, waiting, False
                    waiting = samples
                yield piece, waiting, True
            return
        for piece, (take, chance) in zip(pieces, self._takes(pieces, run), strict=True):
            yield piece, self._whole(piece, take, chance, run), True

    def _takes(self, pieces: list[_Piece], run: _Run) -> list[tuple[Generation, Chance]]:
        """Tokens of every piece, and the chance that its sound goes on with; a bad take is made again."""
        chances = [Chance(piece.seed) for piece in pieces]
        takes = self._generate(pieces, chances, run)
        faults = [fault_of(take, len(piece.words.phones)) for piece, take in zip(pieces, takes, strict=True)]
        for place, piece in enumerate(pieces):
            for attempt in range(1, run.options.tries):
                if not faults[place]:
                    break
                run.warn(f"{_quoted(piece.text)} {faults[place]}; it is tried once more.")
                chance = Chance(piece.seed, attempt)
                (again,) = self._generate([piece], [chance], run)
                faults[place] = fault_of(again, len(piece.words.phones))
                if not faults[place] or better(takes[place], again) is again:
                    takes[place], chances[place] = again, chance
            if faults[place]:
                run.warn(
                    f"{_quoted(piece.text)} {fault_of(takes[place], len(piece.words.phones))}. {_REMEDY}"
                )
        return list(zip(takes, chances, strict=True))

    def _generate(self, pieces: list[_Piece], chances: list[Chance], run: _Run) -> list[Generation]:
        def generate() -> list[Generation]:
            requests = [
                self._request(piece, chance, run) for piece, chance in zip(pieces, chances, strict=True)
            ]
            return generate_batch(self._gpt, requests, _heard(run.prompt), run.options.sampling, run.check)

        states = [chance.tokens.get_state() for chance in chances]
        try:
            return generate()
        except NotFinite as error:
            if self._gpt.bert_proj.weight.dtype is torch.float32:
                raise _no_numbers() from error
        run.warn("The GPT gives no numbers in half precision; it goes on in fp32.")
        self._gpt.float()
        for chance, state in zip(chances, states, strict=True):
            chance.tokens.set_state(state)
        try:
            return generate()
        except NotFinite as error:
            raise _no_numbers() from error

    def _request(self, piece: _Piece, chance: Chance, run: _Run) -> SemanticRequest:
        phones, features = piece.words.phones, piece.words.features
        if run.prompt.words is not None:
            phones = torch.cat((run.prompt.words.phones, phones))
            features = torch.cat((run.prompt.words.features, features), dim=1)
        return SemanticRequest(
            phones=phones,
            bert=features,
            generator=chance.tokens,
            max_tokens=token_limit(len(piece.words.phones)),
        )

    def _whole(self, piece: _Piece, take: Generation, chance: Chance, run: _Run) -> Samples:
        if not take.tokens:
            return np.zeros(0, np.float32)
        state = chance.noise.get_state()
        while True:
            samples = self._decoder.decode(
                take.tokens, piece.words.phones, run.prompt, run.options.sound, chance.noise
            )
            if np.isfinite(samples).all():
                return _limited(samples)
            if not self._decoder.use_float32():
                raise _no_numbers()
            run.warn("The decoder gives no numbers in half precision; it goes on in fp32.")
            chance.noise.set_state(state)

    def _streamed(self, piece: _Piece, stream: StreamOptions, run: _Run) -> Iterator[Samples]:
        chance = Chance(piece.seed)
        made: list[int] = []
        request = self._request(piece, chance, run)
        tokens = _watched(
            generate_tokens(self._gpt, request, _heard(run.prompt), run.options.sampling), run.check, made
        )
        least = max(stream.chunk_tokens, self._decoder.shortest_part)
        parts = fixed_parts(tokens, least) if stream.fixed else silent_parts(tokens, least, self._silence())
        try:
            for samples in self._decoder.stream(
                parts, piece.words.phones, run.prompt, run.options.sound, chance.noise
            ):
                if not np.isfinite(samples).all():
                    raise _no_numbers()
                yield samples
        except NotFinite as error:
            raise _no_numbers() from error
        take = Generation(tokens=tuple(made), ended=len(made) < request.limit(run.options.sampling))
        if fault := fault_of(take, len(piece.words.phones)):
            run.warn(f"{_quoted(piece.text)} {fault}. {_REMEDY}")

    def _batch(self, options: SpeakOptions) -> int:
        """How many pieces are made side by side; parts of pieces are made one after the other."""
        if options.stream is not None:
            return 1
        on_cpu = self._gpt.bert_proj.weight.device.type == "cpu"
        return options.batch_size or (_CPU_BATCH if on_cpu else _GPU_BATCH)

    def _timbre(self, path: Path, warn: Warn) -> Timbre:
        found = make_key(path)
        if found not in self._timbres:
            self._timbres[found] = hear_more(path, self._decoder, warn)
        return self._timbres[found]

    def _silence(self) -> Tensor:
        """(V,) how much each token resembles silence."""
        if self._likeness is None:
            silent = OFFICIAL_SILENCE
            if self._decoder.codebook_size != OFFICIAL_TOKENS:  # a voice of our own: ask its own ears
                device = next(self._encoder.parameters()).device
                heard = self._encoder.encode(torch.zeros(1, CONTENT_RATE_HZ, device=device))
                silent = int(self._decoder.codes(heard).mode().values)
            table = self._gpt.ar_audio_embedding.word_embeddings.weight.detach()
            self._likeness = silence_likeness(table, silent)
        return self._likeness


def make_key(path: Path) -> tuple[Path, int, int]:
    """What tells a file from an earlier one of the same name."""
    if not path.exists():
        return path, 0, 0
    about = path.stat()
    return path, about.st_mtime_ns, about.st_size


_NO_MEANING: Final = (
    "There is no Chinese text encoder for this voice, so that Chinese sounds flatter than it could: "
    "put chinese-roberta-wwm-ext-large into the folder of pretrained models."
)
_REMEDY: Final = "Listen to it; another seed, a longer sentence or a clearer reference may help."


def _no_numbers() -> BadCheckpoint:
    return BadCheckpoint(
        "The voice gives no sound: its networks compute values that are no numbers.",
        hint="Set the precision to fp32; if that does not help, the weights are damaged.",
    )


def _quoted(text: str) -> str:
    text = text.strip()
    return f"“{text if len(text) <= 40 else text[:39] + '…'}”"


def _groups(count: int, at_most: int) -> Iterator[range]:
    """Numbers of pieces in groups: the first piece alone, to be heard soon, then ever more."""
    start, size = 0, 1
    while start < count:
        end = min(start + min(size, at_most), count)
        yield range(start, end)
        start, size = end, 2 * size


def _heard(prompt: Prompt) -> Tensor | None:
    return None if prompt.words is None else prompt.tokens


def _check_fit(gpt: Gpt, decoder: SoundDecoder, encoder: ContentEncoder) -> None:
    hint = "Choose GPT and SoVITS weights that were trained together."
    tokens, version = gpt.config.eos_token, decoder.version
    if tokens != decoder.codebook_size:
        raise BadCheckpoint(
            f"The GPT weights know {tokens} tokens, the SoVITS weights {decoder.codebook_size}.", hint=hint
        )
    if gpt.config.phoneme_rows != version.gpt_phone_rows:
        raise BadCheckpoint(
            f"The GPT weights know {gpt.config.phoneme_rows} phones, "
            f"but those of {version.name} know {version.gpt_phone_rows}.",
            hint=hint,
        )
    if encoder.channels != decoder.content_channels:
        raise BadCheckpoint(
            f"The content encoder is {encoder.channels} wide, "
            f"but the SoVITS weights were made with one of {decoder.content_channels}.",
            hint="Choose the content encoder that the voice was trained with.",
        )


def _watched(tokens: Iterable[int], check: Check, made: list[int]) -> Iterator[int]:
    check()
    for token in tokens:
        made.append(token)
        yield token
        check()


def _limited(samples: Samples) -> Samples:
    """Brought down to full scale when beyond it."""
    loudest = np.abs(samples).max(initial=0)
    return samples / loudest if loudest > 1 else samples
