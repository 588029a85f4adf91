"""The stage that speaks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import SystemRandom
from typing import Final

import numpy as np
import torch

from engine.audio.io import write_wav
from engine.audio.levels import Pcm16, to_pcm16
from engine.checkpoints.manner import merged, read_manner
from engine.infer.decoder import Prompt
from engine.infer.loading import VoiceFiles, find_version, load_synthesizer
from engine.infer.options import SamplingOptions, SoundOptions, SpeakOptions, StreamOptions
from engine.infer.synthesizer import Source, Synthesizer, make_key
from engine.infer.text_cut import require_pieces
from engine.modules.device import Computing, choose_computing
from engine.protocol.builtin import official_models, pretrained, starter_voice
from engine.protocol.context import Context
from engine.protocol.errors import BadParameters, OutOfMemory
from engine.protocol.results import ArtifactRef, StageResult
from engine.protocol.stages.speech import SpeakParameters
from engine.protocol.versions import ModelVersion
from engine.protocol.voices import CARD, Manner, Voice, find_voice, read_voice
from engine.protocol.workspace import Workspace
from engine.text.dictionary import pronunciation_of

_SEEDS: Final = 2**31
_TEXT_ENCODER: Final = "chinese-roberta-wwm-ext-large"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakPlan:
    """Which files speak, and how: the parameters with everything left open filled in.

    Attributes:
        files: The voice's files.
        source: Recordings whose voice is taken, and what is said in the first.
        options: How to speak.
    """

    files: VoiceFiles
    source: Source
    options: SpeakOptions


@dataclass(slots=True)
class WarmVoice:
    """Keeps the voice that spoke last, so that the next sentence starts at once."""

    _key: object = None
    _voice: Synthesizer | None = None

    def get(self, key: object, load: Callable[[], Synthesizer]) -> Synthesizer:
        """The voice under a key; another one is let go first, so that two never share the memory."""
        if self._voice is None or self._key != key:
            self._voice = None
            self._voice = load()
            self._key = key
        return self._voice


def run(parameters: SpeakParameters, context: Context) -> StageResult:
    """Says a text: sound is handed out as it is made, and saved if wanted.

    Raises:
        BadParameters: a voice, a file or a language is missing or unknown.
        MissingModel: a weight file is not there.
        BadCheckpoint: a weight file cannot be used.
        BadAudio: the reference cannot be used.
        BadText: there is nothing to say.
        OutOfMemory: the memory was not enough.
        Cancelled: the user stopped.
    """
    plan = make_plan(parameters)
    require_pieces(parameters.text, parameters.language, parameters.cut)  # before a voice is loaded in vain
    computing = choose_computing(
        parameters.device, parameters.precision, lambda text: context.log(text, "warning")
    )
    try:
        return _speak(plan, parameters, computing, context)
    except torch.OutOfMemoryError as error:
        raise OutOfMemory(
            "The memory of the GPU is not enough to speak.",
            hint="Close other programs that use the GPU, or set the device to cpu.",
            detail=str(error),
        ) from error


def make_plan(parameters: SpeakParameters) -> SpeakPlan:
    """Fills in what the parameters leave open from the voice, the workspace and the program.

    Raises:
        BadParameters: it is not clear what shall speak.
        MissingModel: the voice that is named is not there.
    """
    workspace = Workspace(parameters.workspace)
    voice = _voice(parameters, workspace)
    gpt = parameters.gpt or (voice.gpt if voice else None)
    sovits = parameters.sovits or (voice.sovits if voice else None)
    if gpt is None or sovits is None:
        missing = "GPT" if gpt is None else "SoVITS"
        raise BadParameters(f"No {missing} weights were named.", hint="Choose a voice, or both weight files.")
    reference = parameters.reference or (voice.reference if voice else None)
    if reference is None:
        raise BadParameters(
            "No reference recording was named.",
            hint="Choose 3-10 s of the voice, and type what is said in it.",
        )
    own = voice is not None and voice.reference is not None and reference == voice.reference
    prompt_text = parameters.prompt_text
    if prompt_text is None:  # a voice's text belongs to its own recording only
        prompt_text = voice.prompt_text if voice is not None and own else ""
    prompt_language = parameters.prompt_language
    if prompt_language is None:
        prompt_language = voice.prompt_language if voice is not None and own else parameters.language
    said = parameters.version or (voice.version if voice else None)
    version = find_version(gpt, sovits, said)
    encoder = parameters.content_encoder or (voice.content_encoder if voice else None)
    manner = merged(read_manner(gpt), read_manner(sovits), voice.manner if voice else Manner())
    return SpeakPlan(
        files=_files(gpt, sovits, encoder, workspace, version),
        source=Source(
            reference=reference,
            text=prompt_text,
            language=prompt_language,
            more=parameters.references or (),
        ),
        options=_options(parameters, manner, workspace.root),
    )


def _files(
    gpt: Path, sovits: Path, encoder: Path | None, workspace: Workspace, version: ModelVersion
) -> VoiceFiles:
    """The voice's own files, and those that every voice of its version needs beside them."""
    official = official_models(workspace, version)
    return VoiceFiles(
        gpt=gpt,
        sovits=sovits,
        content_encoder=encoder or _content_encoder(workspace, version),
        version=version.name,
        base=official.generator if version.adapters else None,
        vocoder=official.vocoder,
        speaker_encoder=official.speaker_encoder,
        text_encoder=workspace.pretrained / _TEXT_ENCODER,
    )


def _voice(parameters: SpeakParameters, workspace: Workspace) -> Voice | None:
    """The voice that is named; the program's own when nothing is; None for a pair of files."""
    if parameters.voice:
        return find_voice(parameters.voice, workspace, [starter_voice()])
    if parameters.gpt is None and parameters.sovits is None:
        return read_voice(starter_voice() / CARD)
    return None


def _content_encoder(workspace: Workspace, version: ModelVersion) -> Path:
    """The workspace's content encoder when it is there, else the one of the set to start from."""
    if workspace.content_encoder.is_dir():
        return workspace.content_encoder
    return pretrained(workspace, version).content_encoder


def _sampling(parameters: SpeakParameters, manner: Manner) -> SamplingOptions:
    """What the user chose, else the voice's own manner, else what is usual."""
    asked = parameters.model_dump(include=set(Manner.model_fields), exclude_none=True)
    chosen = manner.model_dump(exclude={"noise_scale"}, exclude_none=True) | asked
    return replace(SamplingOptions(top_p=parameters.top_p), **chosen)


def _sound(parameters: SpeakParameters, manner: Manner) -> SoundOptions:
    sound = SoundOptions(speed=parameters.speed, steps=parameters.sample_steps)
    return sound if manner.noise_scale is None else replace(sound, noise_scale=manner.noise_scale)


def _options(parameters: SpeakParameters, manner: Manner, workspace: Path) -> SpeakOptions:
    seed = parameters.seed
    return SpeakOptions(
        sampling=_sampling(parameters, manner),
        sound=_sound(parameters, manner),
        cut=parameters.cut,
        pause_s=parameters.pause_s,
        stream=(
            StreamOptions(chunk_tokens=parameters.chunk_tokens, fixed=parameters.fixed_chunks)
            if parameters.stream
            else None
        ),
        seed=SystemRandom().randrange(_SEEDS) if seed is None else seed,
        batch_size=parameters.batch_size,
        pronunciation=pronunciation_of(workspace),
    )


def _speak(
    plan: SpeakPlan, parameters: SpeakParameters, computing: Computing, context: Context
) -> StageResult:
    started = time.monotonic()
    synthesizer = _warm(plan.files, computing, context)
    for problem in plan.options.pronunciation.dictionary.problems:
        context.log(problem, "warning")
    prompt = synthesizer.prepare(
        plan.source, lambda text: context.log(text, "warning"), plan.options.pronunciation
    )
    spoken = _said(synthesizer, prompt, plan, parameters, context)
    length_s = len(spoken) / synthesizer.rate_hz
    artifacts = []
    if parameters.out is not None:
        write_wav(parameters.out, spoken, synthesizer.rate_hz)
        context.artifact(parameters.out, "speech")
        artifacts.append(ArtifactRef(kind="speech", path=str(parameters.out.absolute())))
    where = f", saved as {parameters.out}" if parameters.out else ""
    return StageResult(
        summary=f"{length_s:.1f} s of speech{where}.",
        artifacts=tuple(artifacts),
        numbers={
            "seconds": length_s,
            "took_s": time.monotonic() - started,
            "seed": float(plan.options.seed),
            "rate_hz": float(synthesizer.rate_hz),
        },
    )


def _warm(files: VoiceFiles, computing: Computing, context: Context) -> Synthesizer:
    """The voice, from memory when nothing about its files has changed."""
    warm = context.keep("engine.infer.speak", WarmVoice)
    beside = (files.base, files.vocoder, files.speaker_encoder, files.text_encoder)
    parts = (files.gpt, files.sovits, files.content_encoder, *beside)
    weights = [make_key(path) for path in parts if path is not None]

    def load() -> Synthesizer:
        context.log(f"Loading {files.gpt.name} and {files.sovits.name}.")
        return load_synthesizer(files, computing)

    return warm.get((files, *weights, computing), load)


def _said(
    synthesizer: Synthesizer,
    prompt: Prompt,
    plan: SpeakPlan,
    parameters: SpeakParameters,
    context: Context,
) -> Pcm16:
    """All of the speech, (S,) 16-bit samples; each part is handed out on the way."""
    parts = []
    chunks = synthesizer.speak(
        parameters.text,
        parameters.language,
        prompt,
        plan.options,
        context.check_cancelled,
        lambda text: context.log(text, "warning"),
    )
    for chunk in chunks:
        pcm = to_pcm16(chunk.samples)
        context.audio(pcm.astype("<i2").tobytes(), chunk.rate_hz)
        parts.append(pcm)
        if chunk.ends_piece:
            context.progress(chunk.piece + 1, chunk.pieces, "sentences")
    return np.concatenate(parts)
