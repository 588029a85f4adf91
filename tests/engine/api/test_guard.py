"""The door at work: real connections against a real server, with limits that end soon."""

import json
import socket
import time
from contextlib import closing
from dataclasses import replace

import httpx
import pytest

from engine.api.guard import Guard
from engine.api.settings import Limits, ServerSettings
from tests.engine.api.serving import served

LIMITS = Limits(body_bytes=1000, head_s=0.4, body_s=0.4, slowest_bytes=10**6, reader_s=0.4)


class Inside:
    """What is behind the door: reads the body, and answers with its size, or with much more."""

    def __init__(self):
        self.seen = []
        self.ended = []

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.ended.append("disconnect")
                return
            size += len(message["body"])
            more = message.get("more_body", False)
        self.seen.append((scope["path"], size))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-inside", b"1")]})
        if scope["path"] == "/much":
            try:
                for _ in range(2000):
                    await send({"type": "http.response.body", "body": bytes(65536), "more_body": True})
            except BaseException as error:
                self.ended.append(type(error).__name__)
                raise
        await send({"type": "http.response.body", "body": str(size).encode()})


@pytest.fixture(scope="module")
def inside():
    return Inside()


@pytest.fixture(scope="module")
def server(inside, tmp_path_factory):
    settings = ServerSettings(workspace=tmp_path_factory.mktemp("guard"), limits=LIMITS)
    with served(lambda bound: Guard(inside, bound), settings) as bound:
        yield bound


def connected(server):
    return closing(socket.create_connection((server.host, server.port), timeout=10))


def head(path="/", *lines, method="POST"):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()


def everything(link):
    parts = []
    try:
        while part := link.recv(65536):
            parts.append(part)
    except ConnectionError:
        pass
    return b"".join(parts)


def test_what_is_small_and_quick_passes(server, inside):
    answer = httpx.post(f"{server.address}x", content=b"a" * 1000)
    assert (answer.status_code, answer.text) == (200, "1000")


def test_nothing_is_uploaded(server, inside):
    before = list(inside.seen)
    for path in ("upload", "gradio_api/upload", "gradio_api/upload/", "gradio_api/%75pload"):
        answer = httpx.post(f"{server.address}{path}", files={"files": b"a"})
        assert (answer.status_code, answer.json()["message"]) == (403, "This server takes no uploads.")
    assert inside.seen == before


def test_a_large_body_is_refused_before_it_is_sent(server, inside):
    before = list(inside.seen)
    with connected(server) as link:
        link.sendall(head("/", f"Content-Length: {2 * 2**30}"))
        told = everything(link)
    assert told.startswith(b"HTTP/1.1 413")
    assert b"at most" in told
    assert inside.seen == before


@pytest.mark.parametrize("length", ["-1", "abc", "1e3"])
def test_a_length_that_is_no_length_is_refused(server, length):
    with connected(server) as link:
        link.sendall(head("/", f"Content-Length: {length}"))
        assert everything(link).split()[1] in (b"400", b"413")


def test_a_body_that_hides_its_length_is_counted(server, inside):
    before = list(inside.seen)
    with connected(server) as link:
        link.sendall(head("/", "Transfer-Encoding: chunked"))
        link.sendall((b"100\r\n" + b"a" * 256 + b"\r\n") * 8)
        told = everything(link)
    assert told.startswith(b"HTTP/1.1 413")
    assert inside.seen == before
    assert inside.ended[-1] == "disconnect"


def test_a_head_that_comes_too_slowly_is_not_waited_for(server):
    started = time.monotonic()
    with connected(server) as link:
        link.sendall(b"POST / HTTP/1.1\r\nHost: local")
        assert everything(link) == b""
    with connected(server) as silent:
        assert everything(silent) == b""
    assert 0.4 < time.monotonic() - started < 5


def test_a_second_request_must_not_be_slow_either(server):
    with connected(server) as link:
        link.sendall(head("/", method="GET"))
        first = b""
        while not first.endswith(b"0\r\n\r\n"):
            first += link.recv(65536)
        link.sendall(b"GET / HT")
        started = time.monotonic()
        everything(link)
        assert time.monotonic() - started < 3


def test_a_body_that_comes_too_slowly_is_not_waited_for(server):
    with connected(server) as link:
        link.sendall(head("/", "Content-Length: 900") + b"a" * 10)
        told = everything(link)
    assert told.startswith(b"HTTP/1.1 408")


def test_an_answer_that_nobody_takes_is_given_up(server, inside):
    with connected(server) as link:
        link.sendall(head("/much", method="GET"))
        for _ in range(200):
            if inside.ended[-1:] == ["ReaderStopped"]:
                break
            time.sleep(0.02)  # nothing else tells when a server gives up a silent caller
        assert inside.ended[-1] == "ReaderStopped"
        assert not everything(link).endswith(b"0\r\n\r\n")


def test_strangers_do_not_get_inside(server, inside):
    before = list(inside.seen)
    for headers in ({"host": "evil.example"}, {"origin": "http://evil.example"}):
        answer = httpx.post(f"{server.address}x", content=b"a", headers=headers)
        assert answer.status_code == 403
        assert answer.json()["error"]["message"] == answer.json()["message"]
    assert inside.seen == before


@pytest.mark.parametrize("path", ["/", "/upload"])
def test_who_is_refused_may_still_be_sending(server, path):
    stranger = [] if path == "/upload" else ["Origin: http://evil.example"]
    with connected(server) as link:
        link.sendall(head(path, "Content-Length: 200000", *stranger) + bytes(150000))
        time.sleep(0.2)  # the answer is there by now
        link.sendall(bytes(50000))
        told = b""
        while part := link.recv(65536):  # a connection that is reset raises here
            told += part
    assert told.startswith(b"HTTP/1.1 4")
    assert told.endswith(b"}")


def test_who_is_refused_and_sends_nothing_is_let_go(server):
    with connected(server) as link:
        link.sendall(head("/", "Content-Length: 100", "Origin: http://evil.example"))
        started = time.monotonic()
        assert everything(link).startswith(b"HTTP/1.1 403")
        assert time.monotonic() - started < 5


def test_the_token_opens_and_is_remembered_by_browsers(inside, server):
    guarded = Guard(inside, replace(server, token="geheim-1"))  # noqa: S106
    with served(lambda _: guarded, replace(server, token="geheim-1")) as bound, httpx.Client() as client:  # noqa: S106
        assert client.get(bound.address).status_code == 401
        assert client.get(f"{bound.address}?token=falsch").status_code == 401
        opened = client.get(f"{bound.address}?token=geheim-1")
        assert opened.status_code == 200
        assert "HttpOnly; SameSite=Strict" in opened.headers["set-cookie"]
        assert client.get(bound.address).status_code == 200
        preflight = client.options(bound.address, headers={"access-control-request-method": "POST"})
        assert preflight.status_code == 204
        assert "access-control-allow-origin" not in preflight.headers


def test_an_allowed_page_hears_the_answer(inside, server):
    settings = replace(server, origins=("http://localhost:8000",))
    page = {"origin": "http://localhost:8000", "sec-fetch-site": "same-site"}
    with served(lambda bound: Guard(inside, bound), settings) as bound:
        answer = httpx.get(bound.address, headers=page)
        assert answer.headers["access-control-allow-origin"] == page["origin"]
        asked = httpx.options(bound.address, headers=page | {"access-control-request-method": "POST"})
        assert asked.headers["access-control-allow-origin"] == page["origin"]
        assert json.dumps(dict(asked.headers)).count("*") == 0
