"""The server as users start it: a real process, real workers, real clients, and what strangers try."""

import io
import shutil
import subprocess
import sys
import wave
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from tests.contract.real_server import VOICES, make_voices, real_server
from tests.contract.server_attacks import QUICK

TEXT = "Hello there."


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    base = tmp_path_factory.mktemp("served") / "用户 it's 名"
    (base / "temporary").mkdir(parents=True)
    make_voices(base / "workspace")
    with real_server(base / "workspace", temporary=base / "temporary") as running:
        yield running


def asked(server, voice, **more):
    """One answer, as a file."""
    call = {"text": TEXT, "text_lang": "en", "voice": voice, "seed": 3, **more}
    answer = server.client.post("tts", json=call)
    assert answer.status_code == 200, answer.text
    return answer.content


def test_eight_at_once_hear_the_voice_they_asked_for(server):
    alone = {voice: asked(server, voice) for voice in VOICES}
    assert len(set(alone.values())) == len(VOICES)
    wanted = [VOICES[number % len(VOICES)] for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda voice: asked(server, voice), wanted))
    assert together == [alone[voice] for voice in wanted]


def test_openais_client_hears_the_same_while_it_is_made(server):
    whole = asked(server, VOICES[0], media_type="raw")
    with openai.OpenAI(base_url=f"{server.address}v1", api_key="none", max_retries=0) as client:
        call = {"model": "tts-1", "voice": VOICES[0], "input": TEXT, "response_format": "wav"}
        extra = {"seed": 3, "language": "en"}
        with client.audio.speech.with_streaming_response.create(**call, extra_body=extra) as answer:
            parts = list(answer.iter_bytes())
    assert b"".join(parts)[44:] == whole


@pytest.mark.parametrize("mode", ["0", "3"])
def test_curl_hears_both_ways(server, tmp_path, mode):
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("there is no curl")
    out = tmp_path / "声 it's.wav"
    query = (f"text={TEXT}", "text_lang=en", "seed=3", f"voice={VOICES[0]}", f"streaming_mode={mode}")
    words = [word for pair in query for word in ("--data-urlencode", pair)]
    command = [curl, "-s", "-S", "-f", "-G", f"{server.address}tts", *words, "-o", str(out)]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    with wave.open(io.BytesIO(out.read_bytes())) as file:
        assert file.getframerate() == 32000
    assert out.stat().st_size > 32000


@pytest.mark.parametrize("name", QUICK)
def test_the_server_holds(server, name):
    if name == "path traversal" and sys.platform == "win32":
        pytest.skip("links cannot be made")
    outcome = QUICK[name](server)
    assert outcome.held, outcome.words
