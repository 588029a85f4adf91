"""FunASR's own networks, tiny and random, through the real code path and a real worker."""

import json
import shutil
import subprocess

import numpy as np
import pytest
import soundfile
import torch

from engine.checkpoints.reader import read_value
from engine.dataset.funasr_listener import FunAsrListener, FunAsrPaths
from engine.dataset.transcribe import run
from engine.protocol.context import RecordingContext
from engine.protocol.errors import BadCheckpoint, BadParameters, Cancelled, MissingModel
from engine.protocol.label_list import read_labels
from engine.protocol.messages import Done
from engine.protocol.recognisers import RECOGNISERS, Recogniser
from engine.protocol.stages.dataset import TranscribeParameters
from engine.protocol.workspace import ASR_MODELS
from engine.worker.client import Worker

pytest.importorskip("omegaconf", reason="packaging/locks/funasr.txt is not installed")

ZH, YUE = (RECOGNISERS[Recogniser.FUNASR].folders[code] for code in ("zh", "yue"))


def speech(seconds=2.0):
    generator = np.random.default_rng(3)
    count = int(seconds * 16000)
    hum = 0.2 * np.sin(np.arange(count) * 0.05)
    return (hum + 0.05 * generator.standard_normal(count)).astype(np.float32)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A workspace with every tiny model, and two clips."""
    from tests import funasr_models as tiny

    root = tmp_path_factory.mktemp("funasr") / "用户 it's 名"
    models = root / ASR_MODELS
    tiny.write_paraformer(models / ZH.speech)
    tiny.write_pauses(models / ZH.pauses)
    tiny.write_marks(models / ZH.marks)
    tiny.write_uniasr(models / YUE.speech)
    tiny.write_sense_voice(models / "SenseVoiceSmall")
    (root / "clips").mkdir()
    for name, seconds in (("a.wav", 2.0), ("b.wav", 1.3)):
        soundfile.write(root / "clips" / name, speech(seconds), 16000)
    return root


def parameters(workspace, /, **more):
    values = {"input": workspace / "clips", "output": workspace / "asr", "workspace": workspace}
    return TranscribeParameters(**(values | {"engine": "达摩 ASR (中文)"} | more))


def test_chinese_gets_punctuation_times_and_a_confidence(workspace):
    models = workspace / ASR_MODELS
    paths = FunAsrPaths(speech=models / ZH.speech, pauses=models / ZH.pauses, marks=models / ZH.marks)
    listener = FunAsrListener(paths)
    assert listener.missing == {}
    heard = listener.hear(speech(), "zh", lambda: None)
    assert heard.language == "zh"
    assert set(heard.text) & set("，。？、")
    assert "".join(word.text for word in heard.words) == heard.text.translate(
        dict.fromkeys(map(ord, "，。？、"))
    )
    assert heard.avg_logprob < 0
    starts = [word.start_s for word in heard.words]
    assert starts == sorted(starts)
    assert 0 <= starts[0] < heard.words[-1].stop_s <= 2.1
    assert all(0 < word.probability < 1 for word in heard.words)
    assert np.log([word.probability for word in heard.words]).mean() == pytest.approx(
        heard.avg_logprob, abs=0.01
    )
    assert listener.hear(speech(), "zh", lambda: None) == heard


def test_a_wish_to_stop_ends_it_between_stretches(workspace):
    listener = FunAsrListener(FunAsrPaths(speech=workspace / ASR_MODELS / YUE.speech))
    with pytest.raises(Cancelled):
        listener.hear(speech(), "yue", _stop)
    assert listener.hear(speech(), "yue", lambda: None).text


def _stop():
    raise Cancelled


def test_the_weights_in_the_file_are_those_that_hear(workspace, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(workspace / ASR_MODELS / YUE.speech, folder)
    before = FunAsrListener(FunAsrPaths(speech=folder)).hear(speech(), "yue", lambda: None)
    weights = read_value(folder / "model.pt")
    weights["decoder2.output_layer.bias"][5] = 50.0
    torch.save(weights, folder / "model.pt")
    after = FunAsrListener(FunAsrPaths(speech=folder)).hear(speech(), "yue", lambda: None)
    assert set(after.text) == {"气"}
    assert after.avg_logprob > before.avg_logprob


def test_a_real_worker_transcribes_and_skips_what_is_done(workspace):
    values = {
        "input": str(workspace / "clips"),
        "output": str(workspace / "asr worker"),
        "workspace": str(workspace),
        "engine": "funasr",
        "model": "large",
        "language": "zh",
        "precision": "float32",
    }
    with Worker(stderr=subprocess.DEVNULL) as worker:
        first = worker.run("transcribe", values)
        again = worker.run("transcribe", values)
    assert isinstance(first, Done), first
    assert isinstance(again, Done), again
    assert first.result.numbers["clips"] == 2
    assert again.result.numbers["unchanged"] == 2
    labels = workspace / "asr worker" / "clips.list"
    rows = read_labels(labels).rows
    assert [(row.name, row.language) for row in rows] == [("a.wav", "zh"), ("b.wav", "zh")]
    notes = json.loads((labels.parent / "clips.list.json").read_text(encoding="utf-8"))["clips"]
    assert notes["a.wav"]["words"]
    assert notes["a.wav"]["avg_logprob"] < 0


def test_sense_voice_finds_a_language_by_itself(workspace):
    result = run(parameters(workspace, engine="sense-voice"), RecordingContext())
    assert result.numbers["clips"] == 2


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"language": "ja"}, "ja"),
        ({"model": "tiny"}, "tiny"),
        ({"precision": "int8"}, "int8"),
    ],
)
def test_what_the_engine_cannot_do_is_refused_with_what_it_can(workspace, more, word):
    with pytest.raises(BadParameters) as caught:
        run(parameters(workspace, **more), RecordingContext())
    assert word in caught.value.message
    assert "Choose" in caught.value.hint


def test_a_missing_model_is_named_before_anything_is_loaded(workspace, tmp_path):
    with pytest.raises(MissingModel) as caught:
        run(parameters(workspace, workspace=tmp_path), RecordingContext())
    assert str(tmp_path / ASR_MODELS / ZH.speech) in caught.value.message
    assert ZH.speech in caught.value.hint


def test_damaged_weights_are_refused_by_name(workspace, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(workspace / ASR_MODELS / YUE.speech, folder)
    (folder / "model.pt").write_bytes(b"nothing")
    with pytest.raises(BadCheckpoint, match=r"model\.pt"):
        run(parameters(workspace, model=str(folder), language="yue"), RecordingContext())
