"""What is tried against the local server, and what comes of it: `python -m tests.contract.server_attacks`.

Prints one line for each attack. The quick ones are tests, too.
"""

from __future__ import annotations

import socket
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.contract.hostile_files import Calls, pickled
from tests.contract.real_server import RealServer, real_server

GIGABYTE = 2**30
LONG_TEXT = "This is a sentence that takes a while to say. " * 40


@dataclass(frozen=True)
class Outcome:
    """What came of an attack.

    Attributes:
        held: Whether the server held.
        words: What happened.
    """

    held: bool
    words: str


def path_traversal(server: RealServer) -> Outcome:
    """Files outside the workspace, by every parameter that takes a path and by gradio's own routes."""
    secret = server.workspace.parent / "secret.txt"
    secret.write_text("the secret", encoding="utf-8")
    link = server.workspace / "innocent.wav"
    if not link.is_symlink():
        link.symlink_to(secret)
    paths = [
        "../secret.txt", "output/../../secret.txt", str(secret), "innocent.wav", r"\\server\share\a.wav",
        "//server/share/a.wav", "file:///etc/passwd", "/proc/self/environ",
    ]  # fmt: skip
    codes = set()
    for path in paths:
        for call, name in (
            ("set_gpt_weights", "weights_path"),
            ("set_sovits_weights", "weights_path"),
            ("set_refer_audio", "refer_audio_path"),
        ):
            codes.add(server.client.get(f"{call}", params={name: path}).status_code)
        codes.add(_tts(server, ref_audio_path=path).status_code)
        codes.add(_tts(server, ref_audio_path="", aux_ref_audio_paths=path).status_code)
    routes = ["gradio_api/file=" + path for path in (str(secret), "../secret.txt", "..%2f..%2fsecret.txt")]
    routes += ["static/../../../../etc/passwd", "assets/..%2f..%2f..%2f..%2f..%2fetc%2fpasswd"]
    answers = [_raw(server, f"GET /{route} HTTP/1.1") for route in routes]
    leaked = any(b"the secret" in answer or b"root:" in answer for answer in answers)
    kinds = sorted({int(answer.split()[1]) for answer in answers})
    held = codes == {403} and not leaked and not any(200 <= kind < 300 for kind in kinds)
    return Outcome(
        held, f"{len(paths) * 5} calls: HTTP {sorted(codes)}; {len(routes)} of gradio's: HTTP {kinds}"
    )


def hostile_weights(server: RealServer) -> Outcome:
    """A weight file that makes a folder when it is opened carelessly."""
    canary = server.workspace / "canary"
    folder = server.workspace / "GPT_weights_v2"
    folder.mkdir(exist_ok=True)
    trap = Calls(Path.mkdir, canary)
    (folder / "trap-e1.ckpt").write_bytes(pickled({"weight": trap, "config": {}}))
    told = []
    for part in ("gpt", "sovits"):
        answer = server.client.get(
            f"set_{part}_weights", params={"weights_path": "GPT_weights_v2/trap-e1.ckpt"}
        )
        told.append((answer.status_code, answer.json()["Exception"]))
    made = canary.exists()
    return Outcome(not made and {code for code, _ in told} == {400}, f"HTTP 400: {told[0][1]} Run: {made}")


def shell_words(server: RealServer) -> Outcome:
    """Words that a shell would run."""
    canary = server.workspace / "shell"
    words = f"a$(mkdir '{canary}').wav"
    code = server.client.get("set_refer_audio", params={"refer_audio_path": words}).status_code
    spoken = _tts(server, text=f"Hello `mkdir {canary.name}` ; mkdir {canary.name}").status_code
    made = canary.exists() or Path(canary.name).exists()
    return Outcome(not made and code in (400, 403), f"HTTP {code}; as a text: HTTP {spoken}. Run: {made}")


def cross_origin(server: RealServer) -> Outcome:
    """A page of another site posts a form, loads a picture, and asks whether it may."""
    evil = {"origin": "http://evil.example", "sec-fetch-site": "cross-site"}
    body = '{"text": "Hello.", "text_lang": "en"}'
    answers = [
        server.client.post("tts", content=body, headers=evil | {"content-type": "text/plain"}),
        server.client.get("control?command=exit", headers={"sec-fetch-site": "cross-site"}),
        server.client.get("tts?text=Hello.&text_lang=en", headers={"sec-fetch-site": "same-site"}),
        server.client.post("gradio_api/call/close_asr", json={"data": []}, headers=evil),
        server.client.options("tts", headers=evil | {"access-control-request-method": "POST"}),
        server.client.post("v1/audio/speech", content=body, headers={"origin": "null"}),
    ]
    shared = [name for answer in answers for name in answer.headers if name.startswith("access-control")]
    codes = [answer.status_code for answer in answers]
    return Outcome(set(codes) == {403} and not shared, f"HTTP {codes}, CORS headers: {len(shared)}")


def rebinding(server: RealServer) -> Outcome:
    """A name that a stranger pointed at 127.0.0.1."""
    codes = [
        server.client.get(path, headers={"host": f"evil.example:{server.port}"}).status_code
        for path in ("", "health", "config", "v1/audio/voices", "tts?text=Hello.&text_lang=en")
    ]
    return Outcome(set(codes) == {403}, f"HTTP {codes}")


def huge_upload(server: RealServer) -> Outcome:
    """2 GB to gradio's upload and as a text to say: with its length told, and as chunks without one."""
    before_bytes = _resident_bytes(server.pid)
    files = _files(server)
    places = ("/gradio_api/upload", "/gradio_api/call/sync", "/v1/audio/speech", "/tts")
    told = [_raw(server, f"POST {place} HTTP/1.1", f"Content-Length: {2 * GIGABYTE}") for place in places]
    sent = max(_send_chunks(server, place, 2 * GIGABYTE) for place in places)
    grown = (_resident_bytes(server.pid) - before_bytes) / 2**20
    left = _files(server) - files
    codes = [int(answer.split()[1]) for answer in told]
    held = codes == [403, 413, 413, 413] and sent < 64 * 2**20 and grown < 100 and not left
    return Outcome(
        held,
        f"told: HTTP {codes}; chunks: cut off after {sent / 2**20:.0f} MiB at most; "
        f"memory grew by {grown:.0f} MiB, files left: {len(left)}",
    )


def leaving_caller(server: RealServer) -> Outcome:
    """A caller that goes away in the middle of a long speech."""
    with server.client.stream("GET", "tts", params=_words(LONG_TEXT, streaming_mode="1")) as answer:
        first = next(answer.iter_raw())
    started = time.monotonic()
    while server.client.get("health").json()["speaking"]:
        time.sleep(0.02)
        if time.monotonic() - started > 60:
            return Outcome(False, "the worker went on speaking for a minute")
    stopped_s = time.monotonic() - started
    again = _tts(server, text="Hello there.")
    return Outcome(
        again.status_code == 200,
        f"after {len(first)} bytes it left; the worker stopped within {stopped_s:.2f} s and spoke again "
        f"(HTTP {again.status_code})",
    )


def slow_head(server: RealServer) -> Outcome:
    """A request whose head comes one byte a second."""
    started = time.monotonic()
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=90)) as link:
        for byte in b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"a" * 60:
            try:
                link.sendall(bytes([byte]))
                link.settimeout(1)
                if not link.recv(100):
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
    took_s = time.monotonic() - started
    return Outcome(took_s < 30, f"dropped after {took_s:.0f} s")


def slow_body(server: RealServer) -> Outcome:
    """A request whose body never comes."""
    started = time.monotonic()
    told = _raw(server, "POST /tts HTTP/1.1", "Content-Length: 1000")
    took_s = time.monotonic() - started
    return Outcome(told.startswith(b"HTTP/1.1 408"), f"{told[:28].decode()!r} after {took_s:.0f} s")


def slow_reader(server: RealServer) -> Outcome:
    """A caller that asks for everything and reads nothing, while another one wants to hear a word."""
    text = LONG_TEXT.replace(" ", "%20")
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=90)) as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        query = f"text={text}&text_lang=en&streaming_mode=1"
        link.sendall(f"GET /tts?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        started = time.monotonic()
        other = _tts(server, text="Hello there.")
        took_s = time.monotonic() - started
    return Outcome(other.status_code == 200, f"another caller was heard after {took_s:.0f} s")


QUICK: dict[str, Callable[[RealServer], Outcome]] = {
    "path traversal": path_traversal,
    "hostile weight file": hostile_weights,
    "shell words": shell_words,
    "cross-origin request": cross_origin,
    "rebinding of a name": rebinding,
    "2 GB upload": huge_upload,
    "caller leaves": leaving_caller,
}
SLOW: dict[str, Callable[[RealServer], Outcome]] = {
    "slow head": slow_head,
    "slow body": slow_body,
    "slow reader": slow_reader,
}


def _words(text: str, **more: str) -> dict[str, str]:
    return {"text": text, "text_lang": "en", "seed": "3"} | more


def _tts(server: RealServer, text: str = "Hello.", **more: str) -> httpx.Response:
    return server.client.get("tts", params=_words(text, **more))


def _raw(server: RealServer, first: str, *lines: str) -> bytes:
    """What comes back for a head that no client would send."""
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=90)) as link:
        head = [first, "Host: localhost", "Connection: close", *lines, "", ""]
        link.sendall("\r\n".join(head).encode())
        parts = []
        try:
            while part := link.recv(65536):
                parts.append(part)
        except ConnectionError:
            pass
        return b"".join(parts)


def _send_chunks(server: RealServer, place: str, most: int) -> int:
    """Sends a form with a file in chunks until the server has enough; gives the bytes that it took."""
    head = (
        f"POST {place} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    )
    form = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.bin"\r\n\r\n'
    chunk = b"100000\r\n" + bytes(2**20) + b"\r\n"
    sent = 0
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=90)) as link:
        try:
            link.sendall(head.encode() + f"{len(form):x}\r\n".encode() + form + b"\r\n")
            while sent < most:
                link.sendall(chunk)
                sent += 2**20
        except ConnectionError:
            pass
    return sent


def _resident_bytes(pid: int) -> int:
    """Memory of a process; 0 where the system does not tell."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def _files(server: RealServer) -> set[Path]:
    """Files larger than a mebibyte beside the workspace, where the server's temporary ones lie, too."""
    return {
        path
        for path in server.workspace.parent.rglob("*")
        if path.is_file() and not path.is_symlink() and path.stat().st_size > 2**20
    }


def main() -> int:
    """Tries everything, and says what happened."""
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "用户 it's 名"
        temporary = base / "temporary"
        temporary.mkdir(parents=True)
        with real_server(base / "workspace", temporary=temporary) as server, ThreadPoolExecutor() as pool:
            outcomes = {name: attack(server) for name, attack in QUICK.items()}
            slow = {name: pool.submit(attack, server) for name, attack in SLOW.items()}
            outcomes |= {name: future.result() for name, future in slow.items()}
    for name, outcome in outcomes.items():
        sys.stdout.write(f"{'held' if outcome.held else 'BROKE'}  {name}: {outcome.words}\n")
    return 0 if all(outcome.held for outcome in outcomes.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
