"""The whole way, from a recording to a spoken sentence, through real workers and the program's own models."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.audio.io import read_audio
from engine.checkpoints.inspection import inspect
from engine.protocol.builtin import sample_project
from engine.protocol.label_list import read_labels
from engine.protocol.messages import ArtifactMade, Audio, Done, Progress
from engine.protocol.versions import version
from engine.protocol.workspace import Workspace
from engine.worker.client import Worker
from tests.speech_model import whisper_folder

pytestmark = [pytest.mark.slow, pytest.mark.speech_model]


class Studio:
    """A workspace in a folder with an awkward name, and a worker for each stage."""

    def __init__(self, folder):
        self.folder = folder
        self.workspace = Workspace(folder)

    def run(self, stage, **parameters):
        events = []
        with Worker(stderr=subprocess.DEVNULL) as worker:
            end = worker.run(stage, parameters, events.append)
        assert isinstance(end, Done), end
        for artifact in end.result.artifacts:
            assert self._exists(artifact.path), artifact
        for event in events:
            if isinstance(event, ArtifactMade):
                assert self._exists(event.path), event
        assert any(isinstance(event, Progress) for event in events)
        return end.result, events

    def _exists(self, path):
        return Path(path).exists()


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    made = Studio(tmp_path_factory.mktemp("w") / "用户 it's 名")
    made.folder.mkdir()
    return made


@pytest.fixture(scope="module")
def clips(studio):
    recording = studio.folder / "录音 it's one.opus"
    shutil.copyfile(sample_project() / "recording.opus", recording)
    output = studio.folder / "切片 clips"
    studio.run("slice", input=str(recording), output=str(output), min_length_ms=2500)
    return output


@pytest.fixture(scope="module")
def labels(studio, clips):
    for path in sorted(clips.glob("*.wav"))[8:]:
        path.unlink()  # eight clips are enough to train on for a moment
    studio.run(
        "transcribe",
        input=str(clips),
        output=str(studio.folder / "标注"),
        model=str(whisper_folder()),
        language="en",
        speaker="ann",
    )
    return studio.folder / "标注" / "切片 clips.list"


@pytest.fixture(scope="module")
def prepared(studio, labels):
    result, _ = studio.run("prepare", workspace=str(studio.folder), experiment="声 it's", labels=str(labels))
    return result


@pytest.fixture(scope="module")
def trained(studio, prepared):
    common = {"workspace": str(studio.folder), "experiment": "声 it's", "total_epochs": 1}
    common |= {"batch_size": 4, "fewest_items": 1}
    sovits, _ = studio.run("train_sovits", **common)
    gpt, _ = studio.run("train_gpt", **common)
    return sovits, gpt


def test_slicing_finds_the_pauses_of_the_long_recording(clips):
    lengths = [soundfile.info(path).duration for path in sorted(clips.glob("*.wav"))]
    assert lengths
    assert all(0.5 < length < 60 for length in lengths)


def test_transcription_hears_what_is_said(labels):
    found = read_labels(labels)
    assert not found.problems
    assert len(found.rows) == 8
    truth = (sample_project() / "recording.txt").read_text(encoding="utf-8").lower()
    heard = [word.strip(".,?!").lower() for row in found.rows for word in row.text.split()]
    assert sum(word in truth for word in heard) > 0.8 * len(heard)


def test_preparation_leaves_the_originals_files(studio, prepared):
    experiment = studio.workspace.experiment("声 it's")
    names = [line.split("\t")[0] for line in experiment.text_file.read_text(encoding="utf-8").splitlines()]
    assert len(names) == 8
    for name in names:
        assert (experiment.ssl_folder / f"{name}.pt").is_file()
        assert (
            soundfile.info(
                experiment.wav_folder / name,
            ).samplerate
            == 32000
        )
    tokens = experiment.semantic_file.read_text(encoding="utf-8").splitlines()
    assert tokens[0] == "item_name\tsemantic_audio"
    assert sorted(line.split("\t")[0] for line in tokens[1:]) == sorted(names)


def test_training_exports_weights_that_are_what_they_say(studio, trained):
    v2 = version("v2")
    gpt = list(studio.workspace.gpt_weights(v2).glob("*.ckpt"))
    sovits = list(studio.workspace.sovits_weights(v2).glob("*.pth"))
    assert [inspect(path).kind for path in gpt] == ["gpt"]
    assert [inspect(path).kind for path in sovits] == ["sovits"]
    assert all(inspect(path).safe for path in gpt + sovits)


def test_the_trained_voice_speaks(studio, clips, labels, trained):
    row = next(
        row for row in read_labels(labels).rows if 3 <= soundfile.info(row.clip(labels.parent)).duration <= 10
    )
    out = studio.folder / "说话 it's.wav"
    result, events = studio.run(
        "speak",
        text="Please enter your number. Thank you.",
        voice="声 it's",
        workspace=str(studio.folder),
        reference=str(row.clip(labels.parent)),
        prompt_text=row.text,
        out=str(out),
        seed=1,
    )
    wave = read_audio(out, 32000)
    assert np.isfinite(wave).all()
    assert 0.5 < len(wave) / 32000 < 60
    assert np.sqrt(np.mean(wave**2)) > 0.003
    streamed = b"".join(base64.b64decode(event.pcm) for event in events if isinstance(event, Audio))
    saved, _ = soundfile.read(out, dtype="int16")
    assert streamed == saved.tobytes()
    assert json.dumps(result.numbers)


def test_the_same_seed_says_the_same(studio, tmp_path):
    paths = [tmp_path / "a.wav", tmp_path / "b.wav"]
    for path in paths:
        studio.run("speak", text="Hello.", out=str(path), seed=7)
    assert paths[0].read_bytes() == paths[1].read_bytes()
