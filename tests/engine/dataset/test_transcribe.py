"""The stage `transcribe`."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.dataset import transcribe
from engine.dataset.transcribe import run
from engine.dataset.whisper import Heard
from engine.protocol.builtin import sample_project
from engine.protocol.context import RecordingContext
from engine.protocol.errors import BadParameters, Cancelled, MissingFile, MissingModel, NothingToDo
from engine.protocol.label_list import read_labels
from engine.protocol.stages.dataset import TranscribeParameters
from tests.speech_model import whisper_folder

RATE_HZ = 16000


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    return made


@pytest.fixture
def model(folder):
    """A folder that looks like a model; the tests that use it put a listener in the model's place."""
    made = folder / "model"
    made.mkdir()
    for name in ("config.json", "model.bin", "tokenizer.json"):
        (made / name).write_bytes(b"{}")
    return made


class Listener:
    """Says the loudness of a clip in words."""

    heard = 0
    answers = ()

    def __init__(self, *_):
        type(self).heard = 0

    def hear(self, samples, language, _):
        type(self).heard += 1
        text = f"peak {np.abs(samples).max():.1f}" if not self.answers else self.answers[self.heard - 1]
        return Heard(language=language or "en", text=text, avg_logprob=-0.25, no_speech=0.01)


@pytest.fixture
def listener(monkeypatch):
    class Fresh(Listener):
        pass

    monkeypatch.setattr(transcribe, "Recogniser", Fresh)
    return Fresh


def clip(path, peak=0.5):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.full(RATE_HZ, peak, np.float32), RATE_HZ)
    return path


def parameters(folder, model, **more):
    values = {"input": folder / "clips 音", "output": folder / "asr", "model": str(model)} | more
    return TranscribeParameters(**values)


def test_every_clip_gets_a_line_in_order(folder, model, listener):
    for name, peak in (("b.wav", 0.2), ("a.wav", 0.1), ("ü.wav", 0.3)):
        clip(folder / "clips 音" / name, peak)
    context = RecordingContext()
    result = run(parameters(folder, model, speaker="Anna|B"), context)
    labels = folder / "asr" / "clips 音.list"
    assert labels.read_text(encoding="utf-8").splitlines()[0] == (
        f"{folder / 'clips 音' / 'a.wav'}|Anna B|EN|peak 0.1"
    )
    rows = read_labels(labels).rows
    assert [row.name for row in rows] == ["a.wav", "b.wav", "ü.wav"]
    assert context.artifacts == [("labels", labels)]
    assert context.progressed[-1] == (3, 3, "files")
    assert result.numbers["clips"] == 3
    notes = json.loads((folder / "asr" / "clips 音.list.json").read_text(encoding="utf-8"))
    assert notes["clips"]["a.wav"]["avg_logprob"] == -0.25
    assert notes["clips"]["a.wav"]["no_speech"] == 0.01
    assert notes["clips"]["a.wav"]["seconds"] == 1


def test_what_cannot_be_used_is_listed_with_reasons(folder, model, listener):
    clip(folder / "clips 音" / "good.wav")
    clip(folder / "clips 音" / "silent.wav", 0)
    clip(folder / "clips 音" / "wordless.wav")
    (folder / "clips 音" / "text.wav").write_text("no sound", encoding="utf-8")
    listener.answers = ("fine", "")
    result = run(parameters(folder, model), RecordingContext())
    assert {entry.name for entry in result.skipped} == {"silent.wav", "text.wav", "wordless.wav"}
    assert all(entry.reason for entry in result.skipped)
    assert [row.text for row in read_labels(folder / "asr" / "clips 音.list").rows] == ["fine"]


def test_what_was_heard_is_not_heard_again_and_the_old_labels_are_kept(folder, model, listener):
    clip(folder / "clips 音" / "a.wav", 0.1)
    clip(folder / "clips 音" / "b.wav", 0.2)
    run(parameters(folder, model), RecordingContext())
    labels = folder / "asr" / "clips 音.list"
    labels.write_text("corrected by hand\n", encoding="utf-8")
    clip(folder / "clips 音" / "b.wav", 0.7)
    result = run(parameters(folder, model), RecordingContext())
    assert listener.heard == 1
    assert result.numbers["unchanged"] == 1
    assert [row.text for row in read_labels(labels).rows] == ["peak 0.1", "peak 0.7"]
    assert (folder / "asr" / "clips 音.list.bak").read_text(encoding="utf-8") == "corrected by hand\n"
    run(parameters(folder, model, language="ja"), RecordingContext())
    assert {row.language for row in read_labels(labels).rows} == {"ja"}


def test_it_goes_on_after_a_stop(folder, model, listener):
    for name in "abc":
        clip(folder / "clips 音" / f"{name}.wav")

    class Impatient(RecordingContext):
        def log(self, text, level="info"):
            super().log(text, level)
            if len(self.lines) == 2:
                self.cancel()

    with pytest.raises(Cancelled):
        run(parameters(folder, model), Impatient())
    assert not (folder / "asr" / "clips 音.list").exists()
    run(parameters(folder, model), RecordingContext())
    assert listener.heard == 1
    assert len(read_labels(folder / "asr" / "clips 音.list").rows) == 3


def test_a_foreign_language_is_left_out(folder, model, listener, monkeypatch):
    clip(folder / "clips 音" / "a.wav")

    class Welsh(listener):
        def hear(self, *_):
            return Heard(language="cy", text="bore da", avg_logprob=-1, no_speech=0)

    monkeypatch.setattr(transcribe, "Recogniser", Welsh)
    with pytest.raises(NothingToDo) as caught:
        run(parameters(folder, model), RecordingContext())
    assert "cy" in caught.value.detail


def test_a_missing_model_says_where_it_belongs(folder):
    clip(folder / "clips 音" / "a.wav")
    with pytest.raises(MissingModel) as caught:
        run(parameters(folder, "small", workspace=folder), RecordingContext())
    wanted = folder / "tools" / "asr" / "models" / "faster-whisper-small"
    assert str(wanted) in caught.value.message
    assert str(wanted) in caught.value.hint
    with pytest.raises(MissingModel):
        run(parameters(folder, folder / "nowhere"), RecordingContext())
    with pytest.raises(MissingModel, match=r"model\.bin"):
        run(parameters(folder, folder), RecordingContext())
    with pytest.raises(BadParameters, match="huge"):
        run(parameters(folder, "huge"), RecordingContext())
    with pytest.raises(BadParameters, match="xx"):
        run(parameters(folder, "small", language="xx"), RecordingContext())


def test_a_damaged_model_is_said(folder, model):
    clip(folder / "clips 音" / "a.wav")
    with pytest.raises(MissingModel) as caught:
        run(parameters(folder, model), RecordingContext())
    assert str(model) in caught.value.message


def test_a_folder_without_clips_is_said(folder, model):
    with pytest.raises(MissingFile):
        run(parameters(folder, model), RecordingContext())
    (folder / "clips 音").mkdir()
    with pytest.raises(NothingToDo):
        run(parameters(folder, model), RecordingContext())


@pytest.mark.speech_model
def test_real_speech_is_understood(folder):
    expected = {row.name: row.text for row in read_labels(sample_project() / "sample.list").rows}
    names = sorted(expected)[:3]
    (folder / "clips 音").mkdir()
    for name in names:
        shutil.copy(sample_project() / "clips" / name, folder / "clips 音" / name)
    tools = folder / "tools" / "asr" / "models"
    shutil.copytree(whisper_folder(), tools / "faster-whisper-tiny")
    result = run(parameters(folder, "tiny", workspace=folder), RecordingContext())
    rows = read_labels(folder / "asr" / "clips 音.list").rows
    assert [row.name for row in rows] == names
    assert {row.language for row in rows} == {"en"}

    def words(text):
        return set("".join(c for c in text.lower() if c.isalpha() or c == " ").split())

    said = set().union(*(words(row.text) for row in rows))
    meant = set().union(*(words(expected[name]) for name in names))
    assert len(said & meant) > 0.7 * len(meant)
    assert result.skipped == ()


def test_clips_that_are_named_get_a_list_of_their_own(folder, model, listener):
    one, two = clip(folder / "clips" / "音 1.wav", 0.5), clip(folder / "more" / "b.wav", 0.25)
    fake = folder / "fake.wav"
    fake.write_text("no sound", encoding="utf-8")
    given = TranscribeParameters(
        input=(one, two, fake, folder / "gone.wav"), output=folder / "out", model=str(model), language="en"
    )
    result = run(given, RecordingContext())
    (labels,) = [Path(artifact.path) for artifact in result.artifacts]
    assert labels == folder / "out" / "音 1+3.list"
    rows = read_labels(labels).rows
    assert [(row.path, row.speaker) for row in rows] == [(str(one), "clips"), (str(two), "clips")]
    assert {Path(skipped.name).name for skipped in result.skipped} == {"fake.wav", "gone.wav"}
    assert run(given, RecordingContext()).numbers["unchanged"] == 2
