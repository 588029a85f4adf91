"""Messages as lines: one JSON object in UTF-8, ended by a line feed."""

from __future__ import annotations

from typing import Final

from pydantic import ValidationError

from engine.protocol.errors import EngineError
from engine.protocol.messages import EVENTS, REQUESTS, Event, Request

MAX_LINE_BYTES: Final = 16 * 1024 * 1024


class BadMessage(EngineError):
    """A line is no message of this protocol."""

    code = "bad_message"


def encode(message: Event | Request) -> bytes:
    """The line of a message, line feed included. JSON escapes every control character inside."""
    return message.model_dump_json().encode("utf-8") + b"\n"


def decode_event(line: bytes) -> Event:
    """The event in a line.

    Raises:
        BadMessage: it holds none.
    """
    try:
        return EVENTS.validate_json(line)
    except ValidationError as error:
        raise BadMessage(f"not an event: {line[:200]!r}", detail=str(error)) from error


def decode_request(line: bytes) -> Request:
    """The request in a line.

    Raises:
        BadMessage: it holds none.
    """
    try:
        return REQUESTS.validate_json(line)
    except ValidationError as error:
        raise BadMessage(f"not a request: {line[:200]!r}", detail=str(error)) from error
