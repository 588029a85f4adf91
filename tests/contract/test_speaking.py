"""Tiny voices of both kinds speak through a real worker: parts in time, warnings, refusals."""

import base64
import subprocess

import pytest

from engine.protocol.messages import Audio, Done, Failed, Log, Progress
from engine.worker.client import Worker
from tests.engine.infer.voices import make_files, make_voice, write_tone


@pytest.fixture(scope="module")
def worker():
    with Worker(stderr=subprocess.DEVNULL) as running:
        yield running


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    return make_voice(tmp_path_factory.mktemp("speaking") / "用户 it's 名")


def _run(worker, spoken_with, **more):
    events = []
    values = {
        "text": "Hello there. And on we go!",
        "voice": str(spoken_with.folder),
        "seed": 3,
        "device": "cpu",
    }
    return worker.run("speak", values | more, events.append), events


def _sound(events):
    return b"".join(base64.b64decode(event.pcm) for event in events if isinstance(event, Audio))


def test_a_batch_and_single_sentences_are_the_same_bytes(worker, voice):
    end, single = _run(worker, voice, batch_size=1)
    assert isinstance(end, Done), end
    _, batch = _run(worker, voice, batch_size=8)
    assert _sound(single) == _sound(batch)
    assert [event.done for event in batch if isinstance(event, Progress)] == [1, 2]


def test_sound_comes_before_the_sentence_is_done(worker, voice):
    more = write_tone(voice.folder / "more.wav", 2.0, level=0.1)
    values = {"stream": True, "chunk_tokens": 6, "references": [str(more)], "cut": "cut0"}
    end, events = _run(worker, voice, **values)
    assert isinstance(end, Done), end
    kinds = [type(event) for event in events]
    first, done = kinds.index(Audio), kinds.index(Progress)
    assert first < done
    assert kinds.count(Audio) > 1


def test_a_mel_version_says_what_it_cannot_do(worker, voice):
    files = make_files(voice, voice.folder / "v4", "v4")
    values = {
        "voice": None,
        "gpt": str(files.gpt),
        "sovits": str(files.sovits),
        "content_encoder": str(files.content_encoder),
        "reference": str(voice.reference),
        "workspace": str(voice.folder / "v4"),
        "text": "Hello there.",
    }
    end, _ = _run(worker, voice, **values)
    assert isinstance(end, Failed)
    assert "vocoder" in end.message
    assert "pretrained" in end.hint
    place = voice.folder / "v4" / "GPT_SoVITS" / "pretrained_models" / "gsv-v4-pretrained"
    place.mkdir(parents=True)
    files.vocoder.rename(place / "vocoder.pth")
    end, _ = _run(worker, voice, **values)
    assert isinstance(end, Failed)
    assert "text of its reference" in end.message
    more = {"references": [str(voice.reference)], "prompt_text": "This is what it says.", "sample_steps": 4}
    end, events = _run(worker, voice, **values, **more)
    assert isinstance(end, Done), end
    assert end.result.numbers["rate_hz"] == 48000
    assert any(isinstance(event, Log) and "one recording only" in event.text for event in events)


def test_weights_that_do_not_fit_are_refused_before_they_are_loaded(worker, voice):
    files = make_files(voice, voice.folder / "v1", "v1")
    end, events = _run(worker, voice, gpt=str(files.gpt))
    assert isinstance(end, Failed)
    assert files.gpt.name in end.message
    assert not any(isinstance(event, Log) and "Loading" in event.text for event in events)


def test_steps_that_no_model_was_trained_for_are_refused(worker, voice):
    end, _ = _run(worker, voice, sample_steps=5)
    assert isinstance(end, Failed)
    assert "4, 8, 16, 32" in end.message
