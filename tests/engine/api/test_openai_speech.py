"""OpenAI's calls, made by its own client."""

import base64
import io
import json

import av
import httpx
import openai
import pytest

from tests.engine.api.scripted_speaker import PART, sound_of


@pytest.fixture(scope="module")
def server(scripted_server):
    return scripted_server[0]


@pytest.fixture(scope="module")
def client(server):
    with openai.OpenAI(base_url=f"{server.address}v1", api_key="none", max_retries=0) as made:
        yield made


def test_every_format_is_streamed(client):
    for name in ("mp3", "opus", "aac", "flac", "wav", "pcm"):
        asked = client.audio.speech.with_streaming_response.create(
            model="tts-1", voice="乙", input="say 20", response_format=name
        )
        with asked as answer:
            data = b"".join(answer.iter_bytes())
        seconds = 20 * PART / 32000
        if name == "pcm":
            assert abs(len(data) / 2 / 24000 - seconds) < 0.01
            continue
        with av.open(io.BytesIO(data)) as container:
            heard = sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))
        assert abs(heard - seconds) < 0.1, name


def test_the_voice_is_the_one_that_was_asked_for(client, server):
    for name in ("甲 it's", "乙"):
        answer = client.audio.speech.create(
            model="gsv", voice=name, input="say 3", response_format="wav", extra_body={"seed": 3}
        )
        voice = str(server.workspace / "voices" / name)
        assert answer.content[44:] == b"".join(sound_of(voice, "say 3", number) for number in range(3))


def test_events_carry_the_sound_where_they_are_asked_for(server):
    call = {"model": "gsv", "voice": {"id": "乙"}, "input": "say 3", "stream_format": "sse"}
    answer = httpx.post(f"{server.address}v1/audio/speech", json=call | {"response_format": "flac"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line]
    assert [event["type"] for event in events[-2:]] == ["speech.audio.delta", "speech.audio.done"]
    sound = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])
    assert sound.startswith(b"fLaC")


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"voice": "alloy"}, openai.BadRequestError, "Known voices: starter"),
        ({"voice": "../../etc"}, openai.BadRequestError, "Known voices"),
        ({"model": "whisper-1"}, openai.NotFoundError, "no model called"),
        ({"input": ""}, openai.BadRequestError, "input"),
        ({"input": "x" * 101}, openai.BadRequestError, "at most 100"),
        ({"response_format": "wma"}, openai.BadRequestError, "'wma'"),
        ({"speed": 4.0}, openai.BadRequestError, "speed"),
        ({"extra_body": {"language": "xx"}}, openai.BadRequestError, "xx"),
        ({"input": "fail"}, openai.BadRequestError, "can be said"),
        ({"input": "silent"}, openai.InternalServerError, "No sound"),
    ],
)
def test_errors_are_what_the_client_knows(client, change, error, said):
    call = {"model": "tts-1", "voice": "乙", "input": "say 1", **change}
    with pytest.raises(error, match=said):
        client.audio.speech.create(**call).read()


def test_a_process_that_dies_leaves_no_whole_answer(client):
    with pytest.raises((openai.APIError, httpx.RemoteProtocolError)):
        client.audio.speech.create(model="gsv", voice="乙", input="die", response_format="wav").read()
    again = client.audio.speech.create(model="gsv", voice="乙", input="say 1", response_format="wav")
    assert len(again.content) == 44 + 2 * PART


def test_models_and_voices_are_listed(client, server):
    assert "gsv" in [model.id for model in client.models.list()]
    assert client.models.retrieve("tts-1").id == "tts-1"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-9")
    listed = httpx.get(f"{server.address}v1/audio/voices").json()["voices"]
    assert listed[0]["id"] == "starter"
    assert {voice["id"] for voice in listed} >= {"甲 it's", "乙"}
    assert str(server.workspace) not in json.dumps(listed)
