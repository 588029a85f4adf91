"""How soon the local server answers: `python -m tests.benchmarks.server [--speakers N]`.

Starts the real server, makes three voices of the starter, and prints, in seconds from the request to
the first byte of sound and to the last: a first call, each way of calling, and eight callers at once
with three voices, whose sound is compared with that of single calls.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai

from tests.contract.real_server import VOICES, RealServer, make_voices, real_server

TEXT = "Hello there, and welcome. This is the second sentence of a text. And here the text comes to its end."


@dataclass(frozen=True)
class Heard:
    """An answer and its times in seconds."""

    data: bytes
    first_s: float
    whole_s: float


def ask(server: RealServer, **more: Any) -> Heard:
    """Calls `/tts` and reads the answer to its end."""
    started = time.monotonic()
    call = {"text": TEXT, "text_lang": "en", "seed": 3, "voice": VOICES[0], **more}
    with server.client.stream("POST", "tts", json=call) as answer:
        answer.raise_for_status()
        return _read(answer.iter_raw(), started)


def ask_openai(client: openai.OpenAI, form: str) -> Heard:
    """Calls OpenAI's way with its own client."""
    started = time.monotonic()
    call = {"model": "tts-1", "voice": VOICES[0], "input": TEXT, "response_format": form}
    extra = {"seed": 3, "language": "en"}
    with client.audio.speech.with_streaming_response.create(**call, extra_body=extra) as answer:
        return _read(answer.iter_bytes(), started)


def _read(parts: Any, started: float) -> Heard:
    data = [next(parts)]
    first_s = time.monotonic() - started
    data += parts
    return Heard(b"".join(data), first_s, time.monotonic() - started)


def _tell(name: str, heard: Heard) -> None:
    words = f"{name:<40} first {heard.first_s:6.2f}  whole {heard.whole_s:6.2f}  {len(heard.data):7d} bytes\n"
    sys.stdout.write(words)
    sys.stdout.flush()


def _one_by_one(server: RealServer) -> None:
    _tell("/tts, first call of a new process", ask(server))
    for mode in (0, 1, 2, 3):
        _tell(f"/tts, streaming_mode={mode}", ask(server, streaming_mode=mode))
    for form in ("ogg", "aac", "raw"):
        _tell(f"/tts, streaming_mode=1, {form}", ask(server, streaming_mode=1, media_type=form))
    with openai.OpenAI(base_url=f"{server.address}v1", api_key="none", max_retries=0) as client:
        for form in ("mp3", "opus", "aac", "flac", "wav", "pcm"):
            _tell(f"openai client, {form}", ask_openai(client, form))


def _all_at_once(server: RealServer) -> bool:
    alone = {voice: ask(server, voice=voice).data for voice in VOICES}
    wanted = [VOICES[number % len(VOICES)] for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda voice: ask(server, voice=voice, streaming_mode=1), wanted))
    for number, (voice, heard) in enumerate(zip(wanted, together, strict=True)):
        _tell(f"caller {number + 1} of 8, {voice}", heard)
    right = [heard.data[44:] == alone[voice][44:] for voice, heard in zip(wanted, together, strict=True)]
    others = len(set(alone.values())) == len(VOICES)
    sys.stdout.write(
        f"right voice, equal to a single call's samples: {sum(right)} of 8; voices differ: {others}\n"
    )
    return all(right) and others


def main() -> int:
    """Measures, and says so."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speakers", type=int, default=1, help="processes that speak at a time")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / "用户 it's 名"
        make_voices(workspace)
        with real_server(workspace, "--speech-only", "--speakers", str(options.speakers)) as server:
            _one_by_one(server)
            right = _all_at_once(server)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
