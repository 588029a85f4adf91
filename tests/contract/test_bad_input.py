"""Bad input through a real worker: the answer names the file and the way out, and nothing is lost."""

import pickle
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.audio.io import write_wav
from engine.protocol.builtin import sample_project
from engine.protocol.messages import Done, Failed
from engine.worker.client import Worker
from tests.contract.bad_inputs import KINDS


@pytest.fixture(scope="module")
def worker():
    with Worker(stderr=subprocess.DEVNULL) as running:
        yield running


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    return made


def speech():
    """Five seconds with a pause in the middle."""
    wave = 0.3 * np.sin(np.arange(5 * 16000) * 0.05)
    wave[2 * 16000 : 3 * 16000] = 0
    return wave.astype(np.float32)


def slice_of(worker, path, folder):
    return worker.run("slice", {"input": str(path), "output": str(folder / "out"), "min_length_ms": 500})


def assert_refused(end, *names):
    assert isinstance(end, Failed)
    for name in names:
        assert name in end.message
    assert end.hint
    assert "Traceback" not in end.message


def test_no_such_folder(worker, folder):
    assert_refused(slice_of(worker, folder / "不在", folder), "不在")


def test_an_empty_folder(worker, folder):
    (folder / "空").mkdir()
    assert_refused(slice_of(worker, folder / "空", folder), "空")


def test_a_text_file_named_wav(worker, folder):
    path = folder / "不是声音.wav"
    path.write_text("this is text", encoding="utf-8")
    assert_refused(slice_of(worker, path, folder), "不是声音.wav")
    assert path.read_text(encoding="utf-8") == "this is text"


def test_a_truncated_wav_gives_what_is_there_or_a_reason(worker, folder):
    path = folder / "断.wav"
    write_wav(path, speech(), 16000)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2 + 1])
    said = []
    end = worker.run(
        "slice",
        {"input": str(path), "output": str(folder / "out"), "min_length_ms": 500},
        lambda event: said.append(event.text) if event.type == "log" else None,
    )
    assert isinstance(end, Done)
    assert list((folder / "out").glob("*.wav"))
    assert any("断.wav" in text for text in said)
    path.write_bytes(whole[:30])
    assert_refused(slice_of(worker, path, folder / "second"), "断.wav")


def test_a_silent_file(worker, folder):
    path = folder / "静.wav"
    write_wav(path, np.zeros(5 * 16000, np.float32), 16000)
    assert_refused(slice_of(worker, path, folder), "静.wav")


def test_one_bad_file_does_not_stop_the_others(worker, folder):
    source = folder / "混合"
    write_wav(source / "good.wav", speech(), 16000)
    (source / "bad.wav").write_text("text", encoding="utf-8")
    end = slice_of(worker, source, folder)
    assert isinstance(end, Done)
    assert [Path(skipped.name).name for skipped in end.result.skipped] == ["bad.wav"]
    assert end.result.skipped[0].reason


def test_labels_with_a_missing_file_and_a_malformed_line(worker, folder):
    clip = next((sample_project() / "clips").glob("auth-incorrect.*"))
    shutil.copyfile(clip, folder / clip.name)
    labels = folder / "标注.list"
    text = f"{clip.name}|ann|en|Password incorrect.\n没有.wav|ann|en|Gone.\nthis line is no label\n"
    labels.write_text(text, encoding="utf-8")
    common = {"workspace": str(folder), "experiment": "e", "labels": str(labels)}
    end = worker.run("prepare", common)
    assert isinstance(end, Done), end
    reasons = {skipped.name: skipped.reason for skipped in end.result.skipped}
    assert any("没有.wav" in f"{name} {reason}" for name, reason in reasons.items())
    assert any("3" in name and "fields" in reason for name, reason in reasons.items())
    assert labels.read_text(encoding="utf-8") == text


def test_labels_in_which_nothing_can_be_used(worker, folder):
    labels = folder / "全坏.list"
    labels.write_text("no bars\n", encoding="utf-8")
    end = worker.run("text_features", {"workspace": str(folder), "experiment": "e", "labels": str(labels)})
    assert_refused(end, "全坏.list")


def test_training_without_preparation_says_what_to_run(worker, folder):
    for stage in ("train_sovits", "train_gpt"):
        end = worker.run(stage, {"workspace": str(folder), "experiment": "无"})
        assert isinstance(end, Failed)
        assert end.hint


def test_a_weight_file_that_would_run_code_is_refused(worker, folder):
    marker = folder / "executed"

    class Trap:
        def __reduce__(self):
            return (Path.write_text, (marker, "boom"))

    path = folder / "坏.pth"
    torch.save({"weight": Trap()}, path, pickle_module=pickle)
    end = worker.run("speak", {"text": "Hello there.", "voice": "starter", "sovits": str(path)})
    assert_refused(end, "坏.pth")
    assert not marker.exists()


def test_an_unknown_whisper_model_says_where_to_put_it(worker, folder):
    write_wav(folder / "clips" / "a.wav", speech(), 16000)
    end = worker.run(
        "transcribe",
        {
            "input": str(folder / "clips"),
            "output": str(folder / "out"),
            "model": "small",
            "workspace": str(folder),
        },
    )
    assert isinstance(end, Failed)
    assert "faster-whisper-small" in end.message + end.hint


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", list(KINDS))
def test_each_kind_has_its_message_and_loses_nothing(name, worker, folder):
    kind = KINDS[name]
    parameters = kind.make(folder)
    before = files(folder)
    end = worker.run(kind.stage, parameters)
    after = files(folder)
    assert {path: after.get(path) for path in before} == before
    if not kind.skips:
        assert_refused(end, *kind.says)
        return
    assert isinstance(end, Done), end
    reasons = [f"{skipped.name}: {skipped.reason}" for skipped in end.result.skipped]
    assert [reason for reason in reasons if all(word in reason for word in kind.says)], reasons
    assert end.result.numbers["clips"] == 1


def test_the_table_has_thirty_kinds():
    assert len(KINDS) >= 30
