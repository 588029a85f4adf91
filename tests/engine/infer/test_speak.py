"""The speaking stage: which files it takes, what it hands out, and its errors."""

import dataclasses
import json
import shutil
import wave

import numpy as np
import pytest
from pydantic import ValidationError

from engine.checkpoints.reader import read_checkpoint
from engine.checkpoints.writer import write_weights
from engine.infer import speak
from engine.infer.options import SoundOptions, StreamOptions
from engine.infer.speak import make_plan, run
from engine.protocol.context import RecordingContext
from engine.protocol.errors import (
    BadCheckpoint,
    BadParameters,
    BadText,
    Cancelled,
    MissingFile,
    MissingModel,
    OutOfMemory,
)
from engine.protocol.stages.speech import SpeakParameters
from tests.engine.infer.voices import write_tone


def _parameters(voice, **more):
    return SpeakParameters(
        **{"text": "Hello there.", "voice": str(voice.folder), "seed": 3, "device": "cpu"} | more
    )


def test_speech_is_heard_and_saved_alike(voice, folder):
    context = RecordingContext()
    out = folder / "新 folder" / "speech it's.wav"
    result = run(_parameters(voice, text="Hello there. And on we go!", out=out), context)
    with wave.open(str(out), "rb") as stream:
        assert (stream.getnchannels(), stream.getsampwidth(), stream.getframerate()) == (1, 2, 32000)
        saved = stream.readframes(stream.getnframes())
    assert b"".join(context.pcm) == saved
    assert context.rate_hz == 32000
    assert len(context.pcm) == 2
    assert np.frombuffer(saved, "<i2").std() > 0
    assert context.artifacts == [("speech", out)]
    assert [(artifact.kind, artifact.path) for artifact in result.artifacts] == [("speech", str(out))]
    assert result.numbers["seconds"] == pytest.approx(len(saved) / 2 / 32000)
    assert result.numbers["seed"] == 3
    assert context.progressed[-1] == (2, 2, "sentences")
    assert str(out) in result.summary


def test_a_voice_speaks_in_its_own_manner_unless_the_user_says_how(voice, folder):
    own_folder = shutil.copytree(voice.folder, folder / "own manner 声")
    card = own_folder / "voice.json"
    told = json.loads(card.read_text(encoding="utf-8"))
    told["manner"] = {"temperature": 0.3, "repetition_penalty": 1.0, "noise_scale": 0.05}
    card.write_text(json.dumps(told), encoding="utf-8")
    mannered = dataclasses.replace(voice, folder=own_folder)
    usual = make_plan(_parameters(voice)).options
    own = make_plan(_parameters(mannered)).options
    asked = make_plan(_parameters(mannered, temperature=0.8, top_k=4)).options
    assert usual.sound.noise_scale == 0.5
    assert own.sound.noise_scale == asked.sound.noise_scale == 0.05
    for options, chosen in ((usual, (15, 1.0, 1.35)), (own, (15, 0.3, 1.0)), (asked, (4, 0.8, 1.0))):
        found = options.sampling
        assert (found.top_k, found.temperature, found.repetition_penalty) == chosen


def test_weights_without_a_card_speak_as_they_say_themselves(voice, folder):
    own_folder = shutil.copytree(voice.folder, folder / "说 of themselves")
    said = ({"temperature": 0.4}, {"noise_scale": 0.1})
    card = json.loads((own_folder / "voice.json").read_text(encoding="utf-8"))
    for part, manner in zip((card["gpt"], card["sovits"]), said, strict=True):
        found = read_checkpoint(own_folder / part)
        config = {**found.config, "manner": manner}
        write_weights(own_folder / part, {"weight": found.weights, "config": config})
    pair = {"gpt": own_folder / card["gpt"], "sovits": own_folder / card["sovits"]}
    given = {"reference": own_folder / card["reference"], "content_encoder": own_folder / "content_encoder"}
    parameters = SpeakParameters(text="Hello.", device="cpu", **pair, **given)
    options = make_plan(parameters).options
    assert (options.sampling.temperature, options.sampling.repetition_penalty) == (0.4, 1.35)
    assert options.sound.noise_scale == 0.1


def test_the_seed_that_was_drawn_is_told_and_gives_the_same_again(voice):
    first = RecordingContext()
    seed = int(run(_parameters(voice, seed=None), first).numbers["seed"])
    again = RecordingContext()
    run(_parameters(voice, seed=seed), again)
    assert again.pcm == first.pcm


def test_the_voice_stays_warm_until_a_file_changes(voice, monkeypatch):
    loads = []
    load = speak.load_synthesizer
    monkeypatch.setattr(speak, "load_synthesizer", lambda *args: loads.append(1) or load(*args))
    context = RecordingContext()
    run(_parameters(voice), context)
    run(_parameters(voice, text="Once more."), context)
    assert len(loads) == 1
    content = voice.gpt.read_bytes()
    voice.gpt.unlink()
    voice.gpt.write_bytes(content)
    run(_parameters(voice), context)
    assert len(loads) == 2


def test_files_alone_speak_too(voice):
    parameters = SpeakParameters(
        text="Hello there.",
        gpt=voice.gpt,
        sovits=voice.sovits,
        content_encoder=voice.content_encoder,
        reference=voice.reference,
        prompt_text="Said so.",
        seed=1,
        device="cpu",
    )
    context = RecordingContext()
    result = run(parameters, context)
    assert context.pcm
    assert result.artifacts == ()


def test_what_is_named_goes_before_what_the_voice_has(voice, folder):
    other = write_tone(folder / "other.wav", 4.0)
    plan = make_plan(_parameters(voice))
    assert plan.source.reference == voice.reference
    assert plan.source.text == voice.prompt_text
    own_text = make_plan(_parameters(voice, prompt_text="Different."))
    assert (own_text.source.reference, own_text.source.text) == (voice.reference, "Different.")
    # The voice's text is not what another recording says.
    plan = make_plan(_parameters(voice, reference=other))
    assert (plan.source.reference, plan.source.text) == (other, "")
    assert plan.files.gpt == voice.gpt
    mine = folder / "mine.ckpt"
    shutil.copyfile(voice.gpt, mine)
    plan = make_plan(_parameters(voice, gpt=mine))
    assert (plan.files.gpt, plan.files.sovits) == (mine, voice.sovits)


def test_the_workspace_has_the_content_encoder_that_nothing_names(voice, folder):
    named = {"gpt": voice.gpt, "sovits": voice.sovits, "reference": voice.reference, "text": "x"}
    encoder = folder / "GPT_SoVITS" / "pretrained_models" / "chinese-hubert-base"
    encoder.mkdir(parents=True)
    assert make_plan(SpeakParameters(**named, workspace=folder)).files.content_encoder == encoder


def test_what_is_missing_is_asked_for(voice, folder):
    with pytest.raises(BadParameters, match="No SoVITS weights"):
        make_plan(SpeakParameters(text="x", gpt=voice.gpt, workspace=folder))
    with pytest.raises(BadParameters, match="No GPT weights"):
        make_plan(SpeakParameters(text="x", sovits=voice.sovits, workspace=folder))
    with pytest.raises(BadParameters, match="No reference"):
        make_plan(SpeakParameters(text="x", gpt=voice.gpt, sovits=voice.sovits, workspace=folder))
    with pytest.raises(MissingModel, match="nobody"):
        make_plan(SpeakParameters(text="x", voice="nobody", workspace=folder))


def test_errors_name_the_file_and_leave_an_older_result_alone(voice, folder):
    out = folder / "speech.wav"
    out.write_bytes(b"older")
    context = RecordingContext()
    with pytest.raises(BadText):
        run(_parameters(voice, text="...", out=out), context)
    with pytest.raises(MissingFile, match=r"gone\.wav"):
        run(_parameters(voice, reference=folder / "gone.wav", out=out), context)
    wrong = folder / "wrong.ckpt"
    wrong.write_text("no weights", encoding="utf-8")
    with pytest.raises(BadCheckpoint, match=r"wrong\.ckpt"):
        run(_parameters(voice, gpt=wrong, out=out), context)
    with pytest.raises(BadCheckpoint, match="holds SoVITS weights, not GPT weights"):
        run(_parameters(voice, gpt=voice.sovits, out=out), context)
    with pytest.raises(BadParameters, match="cuda:77"):
        run(_parameters(voice, device="cuda:77", out=out), context)
    assert out.read_bytes() == b"older"
    assert context.pcm == []


def test_a_stopped_job_leaves_no_file(voice, folder):
    context = RecordingContext()
    context.cancel()
    out = folder / "speech.wav"
    with pytest.raises(Cancelled):
        run(_parameters(voice, out=out), context)
    assert list(folder.iterdir()) == []


def test_a_full_gpu_is_said_in_words(voice, monkeypatch):
    import torch

    def fail(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(speak, "load_synthesizer", fail)
    with pytest.raises(OutOfMemory, match="memory of the GPU"):
        run(_parameters(voice), RecordingContext())


def test_an_empty_text_is_refused_before_the_voice_is_loaded(voice, monkeypatch):
    loads = []
    monkeypatch.setattr(speak, "load_synthesizer", lambda *_: loads.append(1))
    with pytest.raises(BadText):
        run(_parameters(voice, text=" ... "), RecordingContext())
    assert loads == []


def test_more_recordings_may_be_a_list_or_lines_of_text(voice, folder):
    paths = (folder / "one it's.wav", folder / "二.wav")
    for given in (paths, [str(path) for path in paths], f" {paths[0]}\n\n{paths[1]} "):
        parameters = _parameters(voice, references=given)
        assert parameters.references == paths
        assert SpeakParameters.model_validate(parameters.model_dump(mode="json")) == parameters
        assert make_plan(parameters).source.more == paths
    for nothing in (None, "", " \n ", []):
        assert make_plan(_parameters(voice, references=nothing)).source.more == ()


def test_every_choice_reaches_the_networks(voice):
    plan = make_plan(
        _parameters(
            voice, sample_steps=16, speed=1.5, batch_size=3, stream=True, chunk_tokens=20, fixed_chunks=False
        )
    )
    assert plan.options.sound == SoundOptions(speed=1.5, steps=16)
    assert plan.options.stream == StreamOptions(chunk_tokens=20, fixed=False)
    assert plan.options.batch_size == 3
    assert make_plan(_parameters(voice)).options.stream is None
    for wrong in ({"sample_steps": 5}, {"batch_size": 0}, {"precision": "fp8"}):
        with pytest.raises(ValidationError):
            _parameters(voice, **wrong)


def test_the_users_dictionary_is_read_and_its_faults_are_told(voice, folder):
    (folder / "dictionary.txt").write_text("en\thello\tG UH1 D\nen\tbroken\n", encoding="utf-8")
    plain, own = RecordingContext(), RecordingContext()
    run(_parameters(voice), plain)
    run(_parameters(voice, workspace=folder), own)
    assert own.pcm != plain.pcm
    assert any("dictionary.txt" in text for level, text in own.lines if level == "warning")


def test_the_version_is_what_the_files_say_not_the_card(voice, folder):
    card = json.loads((voice.folder / "voice.json").read_text(encoding="utf-8"))
    names = ("gpt", "sovits", "content_encoder", "reference")
    other = {**card, "version": "v1", **{name: str(voice.folder / card[name]) for name in names}}
    (folder / "voice.json").write_text(json.dumps(other), encoding="utf-8")
    assert make_plan(SpeakParameters(text="x", voice=str(folder))).files.version == "v2"
