"""Answers made of speech: whole, or while it is made. Whatever fails is an HTTP error with its cause."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from engine.api.audio_formats import AudioFormat, encode_whole, make_encoder
from engine.api.guard import AnswerBroken
from engine.api.speaking import Speakers, Speech
from engine.protocol.errors import EngineError

log = logging.getLogger(__name__)

_STATUS: Final = MappingProxyType(
    {
        "not_allowed": HTTPStatus.FORBIDDEN,
        "occupied": HTTPStatus.CONFLICT,
        "too_busy": HTTPStatus.SERVICE_UNAVAILABLE,
        "out_of_memory": HTTPStatus.INSUFFICIENT_STORAGE,
        "out_of_space": HTTPStatus.INSUFFICIENT_STORAGE,
        "worker_died": HTTPStatus.INTERNAL_SERVER_ERROR,
        "engine": HTTPStatus.INTERNAL_SERVER_ERROR,
    }
)
"""The status of an error's code; every other one is the caller's to mend."""

ErrorWriter = Callable[[EngineError], JSONResponse]


def status_of(error: EngineError) -> HTTPStatus:
    """The HTTP status that an error is told with."""
    return _STATUS.get(error.code, HTTPStatus.BAD_REQUEST)


class SpokenAnswer(Response):
    """Says a text and sends the sound; the caller's leaving stops the process that speaks."""

    def __init__(
        self,
        speakers: Speakers,
        parameters: Mapping[str, Any],
        wanted: AudioFormat,
        write_error: ErrorWriter,
        *,
        streamed: bool,
        events: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Does nothing yet.

        Args:
            speakers: Who speaks.
            parameters: Those of the stage `speak`.
            wanted: Format of the sound.
            write_error: How the caller's dialect tells errors.
            streamed: Whether to send sound while it is made.
            events: Whether to send it as server-sent events.
            headers: More headers of the answer.
        """
        super().__init__()
        self._speakers = speakers
        self._parameters = parameters
        self._wanted = wanted
        self._write_error = write_error
        self._streamed = streamed
        self._events = events
        self._more_headers = dict(headers or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, unless the caller leaves first."""
        answering = asyncio.create_task(self._answer(scope, receive, send))
        leaving = asyncio.create_task(_until_gone(receive))
        tasks = (answering, leaving)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                log.info("%s: the caller left", scope["path"])
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        if not answering.cancelled() and (error := answering.exception()) is not None:
            raise error

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            speech = await self._speakers.say(self._parameters)
        except EngineError as error:
            await self._write_error(error)(scope, receive, send)
            return
        try:
            if self._streamed:
                await self._send_parts(speech, send)
            else:
                await self._send_whole(speech, scope, receive, send)
        finally:
            speech.close()

    async def _send_whole(self, speech: Speech, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            pcm = b"".join([part async for part in speech.parts()])
        except EngineError as error:
            await self._write_error(error)(scope, receive, send)
            return
        body = await asyncio.to_thread(encode_whole, self._wanted, pcm, speech.rate_hz)
        await Response(body, media_type=self._wanted.media_type, headers=self._more_headers)(
            scope, receive, send
        )

    async def _send_parts(self, speech: Speech, send: Send) -> None:
        media_type = "text/event-stream" if self._events else self._wanted.media_type
        headers = {**self._more_headers, "content-type": media_type, "cache-control": "no-store"}
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        try:
            async for data in _encoded(speech, self._wanted):
                body = _delta(data) if self._events else data
                await send({"type": "http.response.body", "body": body, "more_body": True})
        except EngineError as error:
            # Too late for a status; an answer that is cut off is at least no whole one.
            raise AnswerBroken(error.message) from error
        last = _event({"type": "speech.audio.done"}) if self._events else b""
        await send({"type": "http.response.body", "body": last})


async def _encoded(speech: Speech, wanted: AudioFormat) -> AsyncIterator[bytes]:
    encoder = make_encoder(wanted, speech.rate_hz)
    async for pcm in speech.parts():
        if data := await asyncio.to_thread(encoder.push, pcm):
            yield data
    if data := await asyncio.to_thread(encoder.finish):
        yield data


async def _until_gone(receive: Callable[[], Awaitable[Any]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _event(content: Mapping[str, str]) -> bytes:
    return b"data: " + json.dumps(content).encode("utf-8") + b"\n\n"


def _delta(data: bytes) -> bytes:
    return _event({"type": "speech.audio.delta", "audio": base64.b64encode(data).decode("ascii")})
