"""The calls of the original's `api_v2.py`, by the names and defaults that its clients use.

Where the original answers with a silent second, or takes whatever weights were set last, this
answers with an error, and each request speaks with the voice that it found when it came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from engine.api.answers import SpokenAnswer, status_of
from engine.api.audio_formats import API_V2_FORMATS, find_format
from engine.api.openai_speech import check_length
from engine.api.safety import NotAllowed, check_path
from engine.api.settings import ServerSettings
from engine.api.speaking import Speakers
from engine.api.voices import pick_voice, voice_parameters
from engine.audio.io import probe
from engine.checkpoints.inspection import ModelKind, inspect
from engine.protocol.builtin import starter_voice
from engine.protocol.errors import BadCheckpoint, BadParameters, EngineError, MissingFile
from engine.protocol.languages import TEXT_MODES
from engine.protocol.stages.base import describe
from engine.protocol.stages.speech import CutMethod
from engine.protocol.workspace import Workspace

IGNORED_HEADER: Final = "x-ignored-parameters"
_WITHOUT_EFFECT: Final = ("batch_threshold", "split_bucket", "overlap_length", "super_sampling")
"""What tells the original how to compute, and has no counterpart here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Streaming:
    """What a value of `streaming_mode` means.

    Attributes:
        streamed: Whether sound is sent while it is made.
        within: Whether within sentences, too.
        fixed: Whether its parts have equal lengths.
    """

    streamed: bool
    within: bool = False
    fixed: bool = False


_MODES: Final = MappingProxyType(
    {
        "0": Streaming(streamed=False),
        "false": Streaming(streamed=False),
        "1": Streaming(streamed=True),
        "true": Streaming(streamed=True),
        "2": Streaming(streamed=True, within=True),
        "3": Streaming(streamed=True, within=True, fixed=True),
    }
)


class TtsRequest(BaseModel):
    """What `/tts` takes; `voice`, the name of a voice, is ours. What is left out is the voice's own."""

    model_config = ConfigDict(extra="ignore")

    text: str | None = None
    text_lang: str | None = None
    ref_audio_path: str | None = None
    aux_ref_audio_paths: list[str] | None = None
    prompt_text: str | None = None
    prompt_lang: str | None = None
    top_k: int | None = Field(None, ge=1)
    top_p: float = 1.0
    temperature: float | None = None
    text_split_method: CutMethod = CutMethod.PUNCTUATION
    batch_size: int = Field(1, ge=1)
    batch_threshold: float | None = None
    split_bucket: bool | None = None
    speed_factor: float = 1.0
    fragment_interval: float = 0.3
    seed: int = -1
    media_type: str = "wav"
    streaming_mode: str = "false"
    parallel_infer: bool = True
    repetition_penalty: float | None = None
    sample_steps: int | None = None
    super_sampling: bool | None = None
    overlap_length: int | None = None
    min_chunk_length: int = 16
    voice: str | None = None

    @field_validator("streaming_mode", mode="before")
    @classmethod
    def _known_mode(cls, value: object) -> str:
        word = str(value).strip().lower()
        if word not in _MODES:
            raise ValueError("must be 0, 1, 2, 3, true or false")
        return word

    @field_validator("text_lang", "prompt_lang")
    @classmethod
    def _known_language(cls, value: str | None) -> str | None:
        if not value:
            return None
        if value.lower() not in TEXT_MODES:
            raise ValueError(f"{value} is not supported; choose one of {', '.join(TEXT_MODES)}")
        return value.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What the `set_…` calls chose, for requests that name nothing themselves."""

    gpt: Path | None = None
    sovits: Path | None = None
    reference: Path | None = None
    content_encoder: Path | None = None


class ApiV2:
    """The calls, and what was chosen through them.

    Attributes:
        router: The calls.
    """

    def __init__(self, settings: ServerSettings, speakers: Speakers, control: Callable[[str], None]) -> None:
        """Offers the calls.

        Args:
            settings: What callers may do.
            speakers: Who speaks.
            control: Restarts or ends the server, by the words `restart` and `exit`.
        """
        self._settings = settings
        self._speakers = speakers
        self._control = control
        self._chosen = Chosen()
        self.router = APIRouter()
        add = self.router.add_api_route
        add("/tts", self.say, methods=["GET", "POST"])
        add("/set_gpt_weights", self.set_gpt, methods=["GET"])
        add("/set_sovits_weights", self.set_sovits, methods=["GET"])
        add("/set_refer_audio", self.set_reference, methods=["GET"])
        add("/control", self.control, methods=["GET", "POST"])

    @property
    def is_open(self) -> bool:
        """Whether both weights were chosen, and not let go since."""
        return self._chosen.gpt is not None and self._chosen.sovits is not None

    def open(self, gpt: Path, sovits: Path, content_encoder: Path | None) -> str:
        """Chooses weights for requests that name no voice, and gives the address to call.

        Raises:
            BadCheckpoint: a file cannot be used.
        """
        _check_weights(gpt, ModelKind.GPT)
        _check_weights(sovits, ModelKind.SOVITS)
        self._chosen = replace(self._chosen, gpt=gpt, sovits=sovits, content_encoder=content_encoder)
        return f"{self._settings.address}tts"

    def close(self) -> None:
        """Lets go of what was chosen, and of the processes that keep it warm."""
        self._chosen = Chosen()
        self._speakers.rest()

    async def say(self, request: Request) -> Response:
        """Says a text."""
        try:
            wanted = await _read(request)
            return self._answer(wanted)
        except EngineError as error:
            return write_error("tts failed")(error)

    async def set_gpt(self, weights_path: str = "") -> Response:
        """Chooses GPT weights for requests that name no voice."""
        return await self._choose("gpt", weights_path, ModelKind.GPT)

    async def set_sovits(self, weights_path: str = "") -> Response:
        """Chooses SoVITS weights for requests that name no voice."""
        return await self._choose("sovits", weights_path, ModelKind.SOVITS)

    async def set_reference(self, refer_audio_path: str = "") -> Response:
        """Chooses a reference for requests that name none."""
        try:
            if not refer_audio_path:
                raise BadParameters("refer_audio_path is required")
            path = self._file(refer_audio_path)
            await run_in_threadpool(probe, path)
        except EngineError as error:
            return write_error("set refer audio failed")(error)
        self._chosen = replace(self._chosen, reference=path)
        return JSONResponse({"message": "success"})

    async def control(self, request: Request) -> Response:
        """Restarts or ends the server, when the user allowed it."""
        try:
            command = str((await _values(request)).get("command") or "")
            if not self._settings.control:
                raise NotAllowed("This server takes no commands.", hint="Start it with --control.")
            if command not in ("restart", "exit"):
                raise BadParameters("command is required: restart or exit")
        except EngineError as error:
            return write_error("control failed")(error)
        self._control(command)
        return JSONResponse({"message": "success"})

    async def _choose(self, part: str, text: str, kind: ModelKind) -> Response:
        try:
            if not text:
                raise BadParameters(f"{part} weight path is required")
            path = self._file(text)
            await run_in_threadpool(_check_weights, path, kind)
        except EngineError as error:
            return write_error(f"change {part} weight failed")(error)
        self._chosen = replace(self._chosen, **{part: path})
        return JSONResponse({"message": "success"})

    def _file(self, text: str) -> Path:
        path = check_path(text, self._settings)
        if not path.is_file():
            raise MissingFile(f"There is no file {text!r}.", hint="Check the path.")
        return path

    def _answer(self, wanted: TtsRequest) -> SpokenAnswer:
        for name in ("text", "text_lang"):
            if not getattr(wanted, name):
                raise BadParameters(f"{name} is required")
        check_length(wanted.text or "", self._settings)
        mode = _MODES[wanted.streaming_mode]
        ignored = [name for name in _WITHOUT_EFFECT if getattr(wanted, name) is not None]
        return SpokenAnswer(
            self._speakers,
            {**self._voice(wanted), **self._manner(wanted, mode)},
            find_format(wanted.media_type, API_V2_FORMATS),
            write_error("tts failed"),
            streamed=mode.streamed,
            headers={IGNORED_HEADER: ", ".join(ignored)} if ignored else None,
        )

    def _voice(self, wanted: TtsRequest) -> dict[str, Any]:
        """Who speaks: the request's voice, else the weights that were chosen, else the program's own."""
        chosen = self._chosen
        if wanted.voice:
            parameters = voice_parameters(pick_voice(wanted.voice, Workspace(self._settings.workspace)))
        else:
            names = ("gpt", "sovits", "content_encoder")
            parameters = {name: str(path) for name in names if (path := getattr(chosen, name))}
            if not self.is_open:
                parameters["voice"] = str(starter_voice())
        reference = self._file(wanted.ref_audio_path) if wanted.ref_audio_path else None
        if reference is None and not wanted.voice:
            reference = chosen.reference
        if reference is not None:
            parameters |= {
                "reference": str(reference),
                "prompt_text": wanted.prompt_text or "",
                "prompt_language": wanted.prompt_lang or wanted.text_lang,
            }
        more = [str(self._file(text)) for text in wanted.aux_ref_audio_paths or ()]
        return parameters | ({"references": more} if more else {})

    def _manner(self, wanted: TtsRequest, mode: Streaming) -> dict[str, Any]:
        """How it is said."""
        manner = {
            "text": wanted.text,
            "language": wanted.text_lang,
            "cut": wanted.text_split_method.value,
            "speed": wanted.speed_factor,
            "pause_s": wanted.fragment_interval,
            "top_k": wanted.top_k,
            "top_p": wanted.top_p,
            "temperature": wanted.temperature,
            "repetition_penalty": wanted.repetition_penalty,
            "seed": wanted.seed if wanted.seed >= 0 else None,
            "batch_size": wanted.batch_size if wanted.parallel_infer else 1,
            "sample_steps": wanted.sample_steps,
            "workspace": str(self._settings.workspace),
            "device": self._settings.device,
        }
        if mode.within:
            manner |= {
                "stream": True,
                "fixed_chunks": mode.fixed,
                "chunk_tokens": wanted.min_chunk_length,
                "batch_size": None,
            }
        return manner


def write_error(what: str) -> Callable[[EngineError], JSONResponse]:
    """Writes errors in the original's shape: what failed, and why."""

    def write(error: EngineError) -> JSONResponse:
        why = f"{error.message} {error.hint}".strip()
        return JSONResponse(
            {"message": what, "Exception": why, "code": error.code}, status_code=status_of(error)
        )

    return write


def _check_weights(path: Path, kind: ModelKind) -> None:
    """Refuses a file that holds code, or other weights than are wanted. Nothing in it is run.

    Raises:
        BadCheckpoint: it cannot be used.
    """
    found = inspect(path)
    if not found.safe:
        raise BadCheckpoint(
            f"{path.name} holds code that would be run: {', '.join(found.refused) or 'unknown'}.",
            hint="Do not use it; get the weights from another source.",
        )
    if found.kind is not kind:
        raise BadCheckpoint(
            f"{path.name} holds no {kind.value} weights, but {found.kind.value}.", hint="Choose another file."
        )


async def _read(request: Request) -> TtsRequest:
    try:
        return TtsRequest.model_validate(await _values(request))
    except ValidationError as error:
        raise BadParameters(describe(error), hint="Correct the values and send it again.") from error


async def _values(request: Request) -> Mapping[str, Any]:
    """The parameters of a call: those of its address, or the JSON object in its body.

    Raises:
        BadParameters: the body is no JSON object.
    """
    if request.method == "GET":
        values: dict[str, Any] = dict(request.query_params)
        if more := request.query_params.getlist("aux_ref_audio_paths"):
            values["aux_ref_audio_paths"] = more
        return values
    try:
        values = await request.json()
    except (ValueError, RecursionError) as error:
        raise BadParameters(f"The body is no JSON: {error}") from error
    if not isinstance(values, dict):
        raise BadParameters("The body is no JSON object.")
    return values
