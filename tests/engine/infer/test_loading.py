"""Voices of every version: recognised by what is in their files, loaded, and heard."""

import dataclasses
import shutil

import numpy as np
import pytest
import torch

from engine.infer.loading import find_version, load_synthesizer
from engine.infer.options import SamplingOptions, SoundOptions, SpeakOptions, StreamOptions
from engine.infer.synthesizer import Source
from engine.modules.device import Computing
from engine.protocol.errors import BadCheckpoint, BadParameters, MissingModel
from engine.protocol.versions import VERSIONS, Decoder
from tests.engine.infer.voices import make_files, write_tone

TEXT = "Hello there."
OPTIONS = SpeakOptions(
    sampling=SamplingOptions(max_tokens=60, min_tokens=60), sound=SoundOptions(steps=4), pause_s=0.0, tries=1
)
EACH = pytest.mark.parametrize("name", list(VERSIONS))
BOTH = pytest.mark.parametrize("name", ["v2Pro", "v4"])
"""A version of each kind of decoder."""


@pytest.fixture(scope="module")
def made(voice, tmp_path_factory):
    folder = tmp_path_factory.mktemp("versions") / "用户 it's 名"
    return {name: make_files(voice, folder / name, name) for name in VERSIONS}


def _said(synthesizer, voice, options=OPTIONS, source=None, text=TEXT):
    told = []
    source = source or Source(reference=voice.reference, text=voice.prompt_text)
    prompt = synthesizer.prepare(source, told.append)
    chunks = list(synthesizer.speak(text, "en", prompt, options, warn=told.append))
    return chunks, told


def _samples(chunks):
    return np.concatenate([chunk.samples for chunk in chunks])


@EACH
def test_the_files_themselves_say_the_version(made, name):
    files = made[name]
    assert find_version(files.gpt, files.sovits).name == name
    assert find_version(files.gpt, files.sovits, "v2").name == name  # what a card says counts less


@EACH
def test_every_version_speaks_whole_and_within_sentences(made, voice, name):
    synthesizer = load_synthesizer(made[name])
    assert synthesizer.rate_hz == VERSIONS[name].rate_hz
    whole, _ = _said(synthesizer, voice)
    again, _ = _said(synthesizer, voice)
    assert np.array_equal(_samples(whole), _samples(again))
    per_token = synthesizer.rate_hz // 25
    assert [len(chunk.samples) for chunk in whole] == [60 * per_token]
    assert np.isfinite(_samples(whole)).all()
    assert _samples(whole).std() > 0
    streamed, _ = _said(synthesizer, voice, dataclasses.replace(OPTIONS, stream=StreamOptions()))
    assert len(streamed) > len(whole)
    missing = len(_samples(whole)) - len(_samples(streamed))
    assert 0 <= missing <= 320 * len(streamed)


@BOTH
def test_speed_is_heard_in_every_version(made, voice, name):
    synthesizer = load_synthesizer(made[name])
    fast = dataclasses.replace(OPTIONS, sound=SoundOptions(speed=2.0, steps=4))
    for options in (fast, dataclasses.replace(fast, stream=StreamOptions())):
        chunks, _ = _said(synthesizer, voice, options)
        assert len(_samples(chunks)) == pytest.approx(30 * synthesizer.rate_hz / 25, rel=0.08)


@BOTH
def test_more_recordings_change_the_voice_where_the_version_can(made, voice, folder, name):
    synthesizer = load_synthesizer(made[name])
    one = Source(reference=voice.reference, text=voice.prompt_text)
    more = dataclasses.replace(one, more=(write_tone(folder / "more.wav", 2.0, level=0.1),))
    alone, _ = _said(synthesizer, voice, source=one)
    both, told = _said(synthesizer, voice, source=more)
    if VERSIONS[name].decoder is Decoder.WAVE:
        assert not np.array_equal(_samples(alone), _samples(both))
        assert not any("one recording only" in line for line in told)
    else:
        assert np.array_equal(_samples(alone), _samples(both))
        assert any(f"{name} takes one recording only" in line for line in told)


@pytest.mark.parametrize("name", ["v3", "v4"])
def test_versions_that_go_on_from_a_recording_need_its_text(made, voice, name):
    synthesizer = load_synthesizer(made[name])
    with pytest.raises(BadParameters, match=f"{name} cannot speak without the text"):
        synthesizer.prepare(Source(reference=voice.reference), lambda _: None)


@BOTH
def test_every_network_computes_in_half_precision(made, voice, name):
    half = load_synthesizer(made[name], Computing(torch.device("cpu"), torch.bfloat16))
    chunks, told = _said(half, voice)
    assert _samples(chunks).std() > 0
    assert np.isfinite(_samples(chunks)).all()
    assert not any("fp32" in line for line in told)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device on this machine")
@EACH
def test_every_version_speaks_on_a_card(made, voice, name):
    expected, _ = _said(load_synthesizer(made[name]), voice)
    for dtype in (torch.float32, torch.float16):
        chunks, _ = _said(load_synthesizer(made[name], Computing(torch.device("cuda"), dtype)), voice)
        assert len(_samples(chunks)) == len(_samples(expected))


def test_a_file_that_may_be_of_two_versions_needs_a_word(made, folder):
    """Official v3 and v4 files differ in nothing but their numbers."""
    from engine.checkpoints.reader import read_checkpoint
    from engine.checkpoints.writer import write_sovits

    gpt, known = made["v4"].gpt, read_checkpoint(made["v4"].sovits)
    config = {**known.config, "model": {**known.config["model"], "version": "v2"}}
    silent = write_sovits(folder / "silent.pth", known.weights, config, "")
    with pytest.raises(BadParameters, match=r"does not say whether it is of v3 or v4"):
        find_version(gpt, silent)
    assert find_version(gpt, silent, "v4").name == "v4"
    with pytest.raises(BadParameters):
        find_version(gpt, silent, "v2")
    named = folder / "SoVITS_weights_v3" / "silent.pth"
    named.parent.mkdir()
    shutil.copyfile(silent, named)
    assert find_version(gpt, named).name == "v3"


def test_a_pair_that_does_not_fit_is_refused_in_one_sentence(made):
    with pytest.raises(BadCheckpoint, match=r"v1.*v4"):
        find_version(made["v1"].gpt, made["v4"].sovits)


@pytest.mark.parametrize(("name", "part"), [("v4", "vocoder"), ("v2Pro", "speaker_encoder")])
def test_what_a_version_needs_besides_is_asked_for(made, name, part):
    for path in (None, made[name].gpt.parent / "none.pth"):
        files = dataclasses.replace(made[name], **{part: path})
        with pytest.raises(MissingModel, match=f"{name} needs its {part.replace('_', ' ')}") as caught:
            load_synthesizer(files)
        assert "pretrained" in caught.value.hint
