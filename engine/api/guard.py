"""The door of the server: every request passes it before any other code sees it."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs

from engine.api.safety import TOKEN_COOKIE, TokenMissing, allowed_origin, refusal
from engine.api.settings import ServerSettings

log = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

_UPLOAD: Final = "/upload"
"""Gradio's way to put files on the disk. No call of ours takes one."""
_PATHS: Final = "Name the path of a file in the workspace."
_POLICY_VIOLATION: Final = 1008
_LINGER_S: Final = 1.0
"""Time for the rest of a refused request to arrive."""
_LINGER_BYTES: Final = 256 * 1024
ABORT: Final = "gsv.abort"
"""Name under which the transport puts a function that drops the connection at once."""


class AnswerBroken(Exception):
    """An answer that has begun cannot be brought to its end: the connection is dropped."""


class ReaderStopped(AnswerBroken):
    """The caller does not take the answer."""


class Guard:
    """Lets requests pass to an application, when `refusal` has nothing against them.

    Bodies are counted and timed as they arrive: a body that is too large or too slow ends the
    request, however much of it is still to come. An answer that nobody takes is given up.
    """

    def __init__(self, application: Application, settings: ServerSettings) -> None:
        self._application = application
        self._settings = settings

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Handles one request, as ASGI says."""
        if scope["type"] not in ("http", "websocket"):
            await self._application(scope, receive, send)
            return
        headers = _headers(scope["headers"])
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        token = query.get("token", [""])[-1]
        refused = refusal(scope.get("method", "GET"), headers, self._settings, query_token=token)
        if refused is not None:
            log.warning("refused %s: %s", scope["path"], refused.message)
            status = HTTPStatus.UNAUTHORIZED if isinstance(refused, TokenMissing) else HTTPStatus.FORBIDDEN
            await _refuse(scope, receive, send, status, refused.message, refused.hint)
        elif scope["type"] == "websocket":
            await self._application(scope, receive, send)
        else:
            exchange = _Exchange(scope, receive, send, self._settings)
            exchange.add_headers(_cors(allowed_origin(headers, self._settings)))
            if token and token == self._settings.token:
                exchange.add_headers([_token_cookie(token)])
            await exchange.run(self._application, headers)


class _Exchange:
    """One request and its answer, bounded in size and time."""

    def __init__(self, scope: Message, receive: Receive, send: Send, settings: ServerSettings) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._limits = settings.limits
        self._largest = self._limits.body_bytes
        self._extra: list[tuple[bytes, bytes]] = []
        self._started_s = time.monotonic()
        self._received = 0
        self._whole = False
        self._answering = False
        self._given_up = False

    def add_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        """Adds headers to the answer, whatever it will be."""
        self._extra += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]

    async def run(self, application: Application, headers: dict[str, str]) -> None:
        if self._scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await _begin(self._send, HTTPStatus.NO_CONTENT, b"", self._extra)
            await self._send({"type": "http.response.body", "body": b""})
            return
        if self._scope["path"].rstrip("/").endswith(_UPLOAD):
            words = _words("This server takes no uploads.", _PATHS)
            await _close_with(self._receive, self._send, HTTPStatus.FORBIDDEN, words)
            return
        declared = headers.get("content-length", "0")
        if not declared.isdigit() or int(declared) > self._largest:
            await self._too_large()
            return
        try:
            await application(self._scope, self._read, self._write)
        except AnswerBroken as error:
            log.warning("dropped %s: %s", self._scope["path"], error)
            if abort := self._scope.get("extensions", {}).get(ABORT):
                abort()

    async def _read(self) -> Message:
        """The next part of the body; a disconnect once the request is given up."""
        if self._given_up:
            return {"type": "http.disconnect"}
        if self._whole:
            return await self._receive()  # the caller's leaving may take as long as it likes
        deadline_s = self._started_s + self._limits.body_s + self._received / self._limits.slowest_bytes
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, deadline_s - time.monotonic()))
        except TimeoutError:
            await self._give_up(HTTPStatus.REQUEST_TIMEOUT, "The request did not arrive in time.")
            return {"type": "http.disconnect"}
        if message["type"] == "http.request":
            self._received += len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
        if self._received > self._largest:
            await self._too_large()
            return {"type": "http.disconnect"}
        return message

    async def _write(self, message: Message) -> None:
        if self._given_up:
            return
        if message["type"] == "http.response.start":
            self._answering = True
            message = {**message, "headers": [*message.get("headers", []), *self._extra]}
        try:
            await asyncio.wait_for(self._send(message), self._limits.reader_s)
        except TimeoutError as error:
            self._given_up = True
            raise ReaderStopped("the caller stopped reading") from error

    async def _too_large(self) -> None:
        size = f"{self._largest // 1024} KiB"
        await self._give_up(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A request may hold {size} at most.")

    async def _give_up(self, status: HTTPStatus, why: str) -> None:
        log.warning("gave up %s: %s", self._scope["path"], why)
        self._given_up = True
        if not self._answering:
            await _close_with(self._receive, self._send, status, _words(why, ""), self._extra)


async def _refuse(
    scope: Message, receive: Receive, send: Send, status: HTTPStatus, message: str, hint: str
) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": message})
        return
    await _close_with(receive, send, status, _words(message, hint))


async def _close_with(
    receive: Receive, send: Send, status: HTTPStatus, body: bytes, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """Answers, and has the connection closed once the rest of the request was taken from it.

    A system that closes a connection with unread bytes in it resets it, and the caller may lose the
    answer. What is not there after `_LINGER_S`, or larger than `_LINGER_BYTES`, is not waited for.
    """
    await _begin(send, status, body, [*headers, (b"connection", b"close")])
    await send({"type": "http.response.body", "body": body, "more_body": True})
    with suppress(TimeoutError):
        await asyncio.wait_for(_drop(receive, _LINGER_BYTES), _LINGER_S)
    await send({"type": "http.response.body", "body": b""})


async def _drop(receive: Receive, largest_bytes: int) -> None:
    dropped = 0
    while dropped <= largest_bytes:
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            return
        dropped += len(message.get("body", b""))


async def _begin(send: Send, status: HTTPStatus, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    described = [(b"content-type", b"application/json")] if body else []
    length = (b"content-length", str(len(body)).encode("ascii"))
    await send(
        {"type": "http.response.start", "status": int(status), "headers": [*described, length, *headers]}
    )


def _words(message: str, hint: str) -> bytes:
    """An error in the shape that each of the dialects finds its own words in."""
    told = {"message": message, "hint": hint, "error": {"message": message, "type": "refused"}}
    return json.dumps(told, ensure_ascii=False).encode("utf-8")


def _headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by name. One that is sent twice is joined, so that the second cannot hide behind the first."""
    found: dict[str, str] = {}
    for name, value in pairs:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def _cors(origin: str) -> list[tuple[str, str]]:
    """Lets a browser hand the answer to an allowed page."""
    if not origin:
        return []
    return [
        ("access-control-allow-origin", origin),
        ("access-control-allow-methods", "GET, POST"),
        ("access-control-allow-headers", "authorization, content-type"),
        ("vary", "origin"),
    ]


def _token_cookie(token: str) -> tuple[str, str]:
    """Lets a browser that opened the address with the token go on without it."""
    return "set-cookie", f"{TOKEN_COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/"
