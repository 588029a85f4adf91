"""The calls of OpenAI's speech interface, so that programs made for it speak with the user's voices."""

from __future__ import annotations

from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.api.answers import SpokenAnswer, status_of
from engine.api.audio_formats import OPENAI_FORMATS, find_format
from engine.api.settings import ServerSettings
from engine.api.speaking import Speakers
from engine.api.voices import describe_voice, list_voices, pick_voice, voice_parameters
from engine.protocol.errors import BadParameters, EngineError, MissingModel
from engine.protocol.languages import TEXT_MODES
from engine.protocol.stages.base import describe
from engine.protocol.workspace import Workspace

MODEL: Final = "gsv"
_ALIASES: Final = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")
"""Names that clients send unless they are told another; they mean the same here."""
_OWNER: Final = "gsv-desktop"


class StreamFormat(StrEnum):
    """How sound is sent: as it is, or as events."""

    AUDIO = "audio"
    EVENTS = "sse"


class VoiceId(BaseModel):
    """A voice as newer clients may name it."""

    id: str


class SpeechRequest(BaseModel):
    """A text to say. `language` and `seed` are ours; what is not known is not an error, as clients grow."""

    model_config = ConfigDict(extra="ignore")

    model: str
    input: str = Field(min_length=1)
    voice: str | VoiceId
    instructions: str | None = None
    response_format: str = "mp3"
    speed: float = Field(1.0, ge=0.5, le=2.0)
    stream_format: StreamFormat = StreamFormat.AUDIO
    language: str = "auto"
    seed: int | None = Field(None, ge=0)


def make_router(settings: ServerSettings, speakers: Speakers) -> APIRouter:
    """The calls below `/v1`."""
    router = APIRouter(prefix="/v1")
    workspace = Workspace(settings.workspace)

    @router.post("/audio/speech")
    async def speech(request: Request) -> Response:
        try:
            wanted = _read(await request.body())
            return _answer(wanted, settings, speakers)
        except EngineError as error:
            return write_error(error)

    @router.get("/models")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [_model(name) for name in (MODEL, *_ALIASES)]}

    @router.get("/models/{name}")
    async def model(name: str) -> Any:
        try:
            return _model(_known_model(name))
        except EngineError as error:
            return write_error(error)

    @router.get("/audio/voices")
    def voices() -> dict[str, Any]:
        return {"voices": [describe_voice(voice) for voice in list_voices(workspace)]}

    return router


def write_error(error: EngineError) -> JSONResponse:
    """An error in OpenAI's shape."""
    status = HTTPStatus.NOT_FOUND if isinstance(error, ModelNotFound) else status_of(error)
    theirs = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    told = {
        "message": f"{error.message} {error.hint}".strip(),
        "type": "server_error" if theirs else "invalid_request_error",
        "param": None,
        "code": error.code,
    }
    return JSONResponse({"error": told}, status_code=status)


class ModelNotFound(MissingModel):
    """No model of that name is offered."""

    code = "model_not_found"


def _read(body: bytes) -> SpeechRequest:
    try:
        return SpeechRequest.model_validate_json(body)
    except ValidationError as error:
        raise BadParameters(describe(error), hint="Correct the values and send it again.") from error


def _answer(wanted: SpeechRequest, settings: ServerSettings, speakers: Speakers) -> SpokenAnswer:
    _known_model(wanted.model)
    name = wanted.voice if isinstance(wanted.voice, str) else wanted.voice.id
    voice = pick_voice(name, Workspace(settings.workspace))
    check_length(wanted.input, settings)
    if wanted.language not in TEXT_MODES:
        raise BadParameters(
            f"The language {wanted.language!r} is not known.", hint=f"Choose one of: {', '.join(TEXT_MODES)}."
        )
    parameters = {
        **voice_parameters(voice),
        "text": wanted.input,
        "language": wanted.language,
        "speed": wanted.speed,
        "seed": wanted.seed,
        "workspace": str(settings.workspace),
        "device": settings.device,
        "batch_size": 1,  # the first sentence leaves before the others are made
    }
    return SpokenAnswer(
        speakers,
        parameters,
        find_format(wanted.response_format, OPENAI_FORMATS),
        write_error,
        streamed=True,
        events=wanted.stream_format is StreamFormat.EVENTS,
    )


def check_length(text: str, settings: ServerSettings) -> None:
    """Refuses a text that would keep a process for hours.

    Raises:
        BadParameters: it is too long.
    """
    most = settings.limits.text_characters
    if len(text) > most:
        raise BadParameters(
            f"The text has {len(text)} characters; at most {most} are said for one request.",
            hint="Send it in parts.",
        )


def _known_model(name: str) -> str:
    if name not in (MODEL, *_ALIASES):
        raise ModelNotFound(f"There is no model called {name!r}.", hint=f"Use {MODEL!r}.")
    return name


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": _OWNER}
