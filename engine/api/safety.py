"""What callers may touch: paths inside allowed folders; nothing for strangers.

The server listens on the loopback, but so do the scripts of every web page that the user's browser
shows. A page is known by the `Origin` and `Sec-Fetch-Site` that browsers add and scripts cannot
change, and a page that pretends to be at home (DNS rebinding) by the name in `Host`.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import socket
from collections.abc import Mapping, Sequence
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Final

from engine.api.settings import ServerSettings, is_loopback
from engine.protocol.builtin import resource
from engine.protocol.errors import BadParameters, EngineError

TOKEN_COOKIE: Final = "gsv_token"  # noqa: S105 - the cookie's name
_LONGEST_PATH: Final = 4096
_NETWORK_OR_DEVICE: Final = re.compile(r"^[\\/]{2}|^\\\?\?\\")
_HOST: Final = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[\w.-]+)(:\d{1,5})?")
_DRIVE: Final = re.compile(r"^[A-Za-z]:")
_WINDOWS_DEVICE: Final = re.compile(r"^(con|prn|aux|nul|conin\$|conout\$|com[\d¹²³]|lpt[\d¹²³])$", re.I)


class NotAllowed(EngineError):
    """The caller may not do this."""

    code = "not_allowed"


class TokenMissing(NotAllowed):
    """The caller has not shown the token."""


def check_path(text: str, settings: ServerSettings, *, write: bool = False) -> Path:
    """The absolute path that a caller named, when it lies where callers may go.

    Links are followed before it is judged, so that a link inside the workspace leads nowhere else.
    What this program brought along may be read, too.

    Args:
        text: A path; a relative one starts at the workspace.
        settings: Workspace and allowed folders.
        write: Whether something will be written there.

    Raises:
        BadParameters: it is no path.
        NotAllowed: it lies outside.
    """
    _check_form(text)
    try:
        path = (settings.workspace / text).resolve()
        roots = [folder.resolve() for folder in _roots(settings, write=write)]
    except (OSError, RuntimeError, ValueError) as error:
        raise BadParameters(
            f"{text!r} is no path that can be followed.", hint="Choose another one.", detail=str(error)
        ) from error
    if any(path.is_relative_to(root) for root in roots):
        return path
    raise NotAllowed(
        f"{text!r} lies outside the workspace and the allowed folders.",
        hint="Use a path inside the workspace, or start the server with --allow FOLDER.",
    )


def _roots(settings: ServerSettings, *, write: bool) -> tuple[Path, ...]:
    mine = (settings.workspace, *settings.folders)
    return mine if write else (*mine, resource())


def _check_form(text: str) -> None:
    """Refuses what systems read as something else than a file below a folder."""
    if not text.strip() or len(text) > _LONGEST_PATH or any(ord(sign) < 32 for sign in text):
        raise BadParameters(f"{text[:80]!r} is no path.", hint="Name a file or folder.")
    if _NETWORK_OR_DEVICE.match(text):  # to open one sends the user's password hash to that machine
        raise NotAllowed(
            f"{text!r} names a network share or a device.", hint="Use a path inside the workspace."
        )
    rest = _DRIVE.sub("", text)
    if ":" in rest:
        raise NotAllowed(f"{text!r} names a part of a file.", hint="Leave out the colon.")
    if rest != text and not rest.startswith(("/", "\\")):
        raise NotAllowed(
            f"{text!r} depends on where a drive stands.", hint="Write the whole path, or a relative one."
        )
    for part in re.split(r"[\\/]", rest):
        if _WINDOWS_DEVICE.match(part.rstrip(" .").partition(".")[0].rstrip()):
            raise NotAllowed(f"{part!r} in {text!r} names a device.", hint="Choose another name.")


def refusal(
    method: str, headers: Mapping[str, str], settings: ServerSettings, *, query_token: str = ""
) -> NotAllowed | None:
    """Why a request is turned away; None when it may pass.

    Args:
        method: Its verb.
        headers: Its headers, names in small letters.
        settings: Who may call.
        query_token: The token in its address.
    """
    host = headers.get("host", "")
    if not _known_host(host, settings):
        return NotAllowed(
            f"This server is not called {host!r}.", hint="Call it by the address that it was started with."
        )
    if _from_a_page(headers, settings):
        return NotAllowed(
            "A web page of another site may not use this server.",
            hint="Start the server with --allow-origin and the page's address if you trust it.",
        )
    preflight = method == "OPTIONS" and "access-control-request-method" in headers
    if settings.token and not preflight and not _knows_token(headers, query_token, settings.token):
        return TokenMissing(
            "The token is missing or wrong.", hint="Send the header `Authorization: Bearer TOKEN`."
        )
    return None


def allowed_origin(headers: Mapping[str, str], settings: ServerSettings) -> str:
    """The page that the request comes from, when the user allowed it; else empty."""
    origin = headers.get("origin", "")
    return origin if origin and origin in settings.origins else ""


def _known_host(host: str, settings: ServerSettings) -> bool:
    """Whether a name cannot have been pointed here by a stranger.

    On the loopback only its own names count. Elsewhere an address does, since only names can be
    pointed at another machine, as do the machine's own name and the one it was started with.
    """
    found = _HOST.fullmatch(host.lower())
    if found is None:
        return False
    name = found["name"].strip("[]")
    if is_loopback(name) or name == settings.host.lower():
        return True
    if settings.loopback:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name == socket.gethostname().lower()
    return True


def _from_a_page(headers: Mapping[str, str], settings: ServerSettings) -> bool:
    """Whether a page that is not this server's own sent the request."""
    if allowed_origin(headers, settings):
        return False
    origin = headers.get("origin")
    if origin is not None and origin.lower() not in _own_origins(headers.get("host", "")):
        return True
    return headers.get("sec-fetch-site", "none") not in ("none", "same-origin")


def _own_origins(host: str) -> Sequence[str]:
    return [f"{scheme}://{host.lower()}" for scheme in ("http", "https")]


def _knows_token(headers: Mapping[str, str], query_token: str, token: str) -> bool:
    kind, _, sent = headers.get("authorization", "").partition(" ")
    offered = [sent.strip() if kind.lower() == "bearer" else "", query_token, _cookie(headers)]
    return any(hmac.compare_digest(word.encode("utf-8"), token.encode("utf-8")) for word in offered)


def _cookie(headers: Mapping[str, str]) -> str:
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(TOKEN_COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel else ""
