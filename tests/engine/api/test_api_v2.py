"""The original's calls as its clients make them."""

import io
import shutil
import wave

import httpx
import pytest

from engine.protocol.builtin import starter_voice
from tests.engine.api.scripted_speaker import PART, RATE_HZ, sound_of
from tests.engine.infer.voices import write_tone


@pytest.fixture(scope="module")
def server(scripted_server):
    return scripted_server[0]


@pytest.fixture(scope="module")
def client(server):
    with httpx.Client(base_url=server.address, timeout=60) as made:
        yield made


def tts(client, text="say 2", **more):
    return client.get("tts", params={"text": text, "text_lang": "en", **more})


def pcm(text, count, voice=None):
    return b"".join(sound_of(str(voice or starter_voice()), text, number) for number in range(count))


def test_a_whole_answer_is_a_whole_file(client):
    answer = tts(client)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/wav")
    assert int(answer.headers["content-length"]) == 44 + 4 * PART
    with wave.open(io.BytesIO(answer.content)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getnframes()) == (RATE_HZ, 1, 2 * PART)
        assert file.readframes(2 * PART) == pcm("say 2", 2)


@pytest.mark.parametrize("mode", ["1", "2", "3", "true", "True", 1, 2, 3, True])
def test_a_streamed_answer_comes_in_parts(client, mode):
    call = {"text": "say 3", "text_lang": "EN", "streaming_mode": mode}
    request = {"json": call} if not isinstance(mode, str) else {"params": call}
    with client.stream("POST" if "json" in request else "GET", "tts", **request) as answer:
        parts = list(answer.iter_raw())
    assert answer.status_code == 200
    assert "content-length" not in answer.headers
    assert b"".join(parts)[44:] == pcm("say 3", 3)


@pytest.mark.parametrize("mode", ["0", "false", 0, False])
def test_not_streamed_by_post(client, mode):
    answer = client.post("tts", json={"text": "say 1", "text_lang": "en", "streaming_mode": mode})
    assert answer.headers["content-length"] == str(44 + 2 * PART)


@pytest.mark.parametrize("media_type", ["wav", "raw", "ogg", "aac"])
def test_every_media_type_both_ways(client, media_type):
    start = {"wav": b"RIFF", "raw": pcm("say 4", 1)[:4], "ogg": b"OggS", "aac": b"\xff\xf1"}[media_type]
    for mode in (0, 1):
        answer = tts(client, "say 4", media_type=media_type, streaming_mode=mode)
        assert answer.headers["content-type"] == f"audio/{media_type}"
        assert answer.content.startswith(start)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"text": ""}, "text is required"),
        ({"text_lang": ""}, "text_lang is required"),
        ({"text_lang": "xx"}, "xx is not supported"),
        ({"prompt_lang": "xx"}, "xx is not supported"),
        ({"media_type": "mp4"}, "'mp4'"),
        ({"text_split_method": "cut9"}, "text_split_method"),
        ({"streaming_mode": "4"}, "must be 0, 1, 2, 3"),
        ({"top_k": "many"}, "top_k"),
        ({"speed_factor": "9"}, "speed"),
        ({"text": "say 1" + "x" * 200}, "at most 100"),
        ({"text": "fail"}, "Nothing in"),
        ({"text": "silent"}, "No sound"),
        ({"voice": "nobody"}, "Known voices: starter"),
        ({"voice": "/etc"}, "Known voices"),
        ({"ref_audio_path": "missing.wav"}, "missing.wav"),
    ],
)
def test_errors_are_http_errors_with_a_cause(client, change, said):
    for mode in ("0", "1"):
        answer = tts(client, **{"streaming_mode": mode} | change)
        assert answer.status_code in ((500,) if said == "No sound" else (400,)), answer.text
        assert said in answer.json()["Exception"]
        assert answer.json()["message"] == "tts failed"


def test_a_body_that_is_no_object_is_an_error(client):
    for body in (b"{", b"[]", b"[" * 100_000, b"\xff"):
        assert client.post("tts", content=body).status_code == 400


def test_speech_that_breaks_off_is_no_whole_answer(client):
    with pytest.raises(httpx.RemoteProtocolError):
        tts(client, "late fail", streaming_mode=1)
    assert tts(client, "late fail").status_code == 400


def test_paths_outside_are_refused(client):
    for change in (
        {"ref_audio_path": "../../etc/passwd"},
        {"ref_audio_path": "/etc/passwd"},
        {"ref_audio_path": "voices/乙/reference", "aux_ref_audio_paths": ["/etc/passwd"]},
    ):
        assert tts(client, **change).status_code == 403
    assert client.get("set_refer_audio", params={"refer_audio_path": "/etc/passwd"}).status_code == 403
    for part in ("gpt", "sovits"):
        answer = client.get(f"set_{part}_weights", params={"weights_path": "//evil/share/a.ckpt"})
        assert answer.status_code == 403


def test_what_cannot_be_heeded_is_told(client):
    answer = tts(client, super_sampling="true", overlap_length="2")
    assert answer.headers["x-ignored-parameters"] == "overlap_length, super_sampling"


def test_requests_speak_with_their_own_voice(client, server):
    voice = server.workspace / "voices" / "乙"
    assert tts(client, voice="乙").content[44:] == pcm("say 2", 2, voice)
    assert tts(client).content[44:] == pcm("say 2", 2)


def test_weights_are_chosen_after_a_look_into_them(client, server):
    weights = server.workspace / "GPT_weights_v2" / "声 it's-e4.ckpt"
    weights.parent.mkdir()
    shutil.copy(starter_voice() / "s1.ckpt", weights)
    wrong = {"weights_path": str(weights.relative_to(server.workspace))}
    refused = client.get("set_sovits_weights", params=wrong)
    assert (refused.status_code, refused.json()["message"]) == (400, "change sovits weight failed")
    assert "holds no sovits weights" in refused.json()["Exception"]
    assert client.get("set_gpt_weights").json()["Exception"] == "gpt weight path is required"
    assert client.get("set_gpt_weights", params=wrong).json() == {"message": "success"}
    sovits = {"weights_path": str(starter_voice() / "s2G.pth")}
    assert client.get("set_sovits_weights", params=sovits).json() == {"message": "success"}
    assert tts(client).content[44:] == pcm("say 2", 2, weights)
    assert tts(client, voice="乙").content[44:] == pcm("say 2", 2, server.workspace / "voices" / "乙")


def test_the_reference_is_heard_before_it_is_chosen(client, server):
    (server.workspace / "text.wav").write_text("no sound", encoding="utf-8")
    bad = client.get("set_refer_audio", params={"refer_audio_path": "text.wav"})
    assert (bad.status_code, bad.json()["message"]) == (400, "set refer audio failed")
    write_tone(server.workspace / "参考.wav", 3.5)
    good = client.get("set_refer_audio", params={"refer_audio_path": "参考.wav"})
    assert good.json() == {"message": "success"}


def test_control_tells_the_server(client, scripted_server):
    assert client.get("control").status_code == 400
    assert client.get("control", params={"command": "rm -rf"}).status_code == 400
    assert client.post("control", json={"command": "restart"}).status_code == 200
    assert client.get("control", params={"command": "exit"}).status_code == 200
    assert scripted_server[1] == ["restart", "exit"]
