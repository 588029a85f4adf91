"""The command line as a child process, as scripts use it."""

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from engine.audio.io import write_wav
from engine.protocol.launch import worker_environment
from engine.protocol.stages.registry import STAGES


def engine(*arguments, stdin="", cwd=None):
    return subprocess.run(
        [sys.executable, "-P", "-m", "engine", *map(str, arguments)],
        input=stdin.encode(),
        capture_output=True,
        env=worker_environment(),
        cwd=cwd,
        timeout=120,
        check=False,
    )


def bursts(seconds=6.0, rate_hz=16000):
    """Two tones with a second of silence between them."""
    time_s = np.arange(int(seconds * rate_hz)) / rate_hz
    tone = 0.3 * np.sin(2 * np.pi * 220 * time_s)
    tone[int(2.5 * rate_hz) : int(3.5 * rate_hz)] = 0
    return tone.astype(np.float32)


def test_stages_lists_every_stage_with_its_schema():
    done = engine("stages")
    declared = json.loads(done.stdout)
    assert done.returncode == 0
    assert [entry["name"] for entry in declared] == list(STAGES)
    assert "input" in declared[0]["parameters"]["properties"]


def test_run_slices_and_every_line_is_an_event(tmp_path):
    folder = tmp_path / "用户 it's 名"
    write_wav(folder / "录音 1.wav", bursts(), 16000)
    parameters = {"input": str(folder / "录音 1.wav"), "output": str(folder / "out"), "min_length_ms": 1000}
    done = engine("run", "slice", "--params", "-", stdin=json.dumps(parameters))
    events = [json.loads(line) for line in done.stdout.decode("utf-8").splitlines()]
    assert done.returncode == 0, done.stderr.decode()
    assert events[-1]["type"] == "result"
    made = [Path(event["path"]) for event in events if event["type"] == "artifact"]
    assert made
    assert all(path.is_file() and path.parent == folder / "out" for path in made)


def test_run_takes_several_files_at_once(tmp_path):
    folder = tmp_path / "用户 it's 名"
    files = [folder / "a" / "录音 1.wav", folder / "b" / "录音 2.wav", folder / "c" / "录音 1.wav"]
    for file in files:
        write_wav(file, bursts(), 16000)
    parameters = {"input": [*map(str, files)], "output": str(folder / "out"), "min_length_ms": 1000}
    done = engine("run", "slice", "--params", "-", stdin=json.dumps(parameters))
    end = json.loads(done.stdout.decode("utf-8").splitlines()[-1])
    assert done.returncode == 0, done.stderr.decode()
    assert {path.name.split("_0")[0] for path in (folder / "out").glob("*.wav")} == {
        "录音 1.wav",
        "录音 2.wav",
    }
    (skipped,) = end["result"]["skipped"]
    assert skipped["name"] == str(files[2])
    assert "same name" in skipped["reason"]


def test_bad_parameters_end_with_2_and_name_the_field(tmp_path):
    file = tmp_path / "params.json"
    file.write_text('{"input": "a.wav", "threshold_db": 12}', encoding="utf-8")
    done = engine("run", "slice", "--params", file)
    assert done.returncode == 2
    assert b"threshold_db" in done.stderr
    assert engine("run", "knit", "--params", file).returncode == 2
    file.write_text("[1]", encoding="utf-8")
    assert engine("run", "slice", "--params", file).returncode == 2


def test_a_failed_stage_ends_with_1(tmp_path):
    parameters = {"input": str(tmp_path / "none.wav"), "output": str(tmp_path / "out")}
    done = engine("run", "slice", "--params", "-", stdin=json.dumps(parameters))
    assert done.returncode == 1
    end = json.loads(done.stdout.splitlines()[-1])
    assert end["type"] == "failed"
    assert "none.wav" in end["message"]


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal to a process group")
def test_ctrl_c_cancels_and_ends_with_130(tmp_path):
    write_wav(tmp_path / "long.wav", np.tile(bursts(), 100), 16000)
    for index in range(20):
        (tmp_path / f"copy{index:02}.wav").write_bytes((tmp_path / "long.wav").read_bytes())
    parameters = {"input": str(tmp_path), "output": str(tmp_path / "out"), "min_length_ms": 1000}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "engine", "run", "slice", "--params", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=worker_environment(),
        start_new_session=True,
        # Whoever started the tests may have turned the signal off for all below it.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
    )
    with process:
        process.stdin.write(json.dumps(parameters).encode())
        process.stdin.close()
        process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        lines = process.stdout.read().splitlines()
        assert process.wait() == 130
    assert json.loads(lines[-1])["type"] == "cancelled"


def test_text_shows_phones():
    done = engine("text", "Hello, world.", "--language", "en")
    shown = json.loads(done.stdout)
    assert done.returncode == 0
    assert shown["phones"][:4] == ["HH", "AH0", "L", "OW1"]
    assert set(shown) == {"norm_text", "phones", "word2ph", "segments"}


def test_text_finds_languages_and_uses_the_workspace_dictionary(tmp_path):
    folder = tmp_path / "用户 it's 名"
    folder.mkdir()
    lines = ["en\tZhongli\tJH UH1 NG L IY0", "zh\t你好\tni2 hao3", "xx\ta\tb"]
    (folder / "dictionary.txt").write_text("\n".join(lines), encoding="utf-8")
    done = engine("text", "你好，Zhongli。", "--workspace", str(folder))
    assert "line 3" in done.stderr.decode()
    shown = json.loads(done.stdout)
    said = {part["language"]: (part["text"], part["phones"], part["word2ph"]) for part in shown["segments"]}
    assert said == {
        "zh": ("你好，", ["n", "i2", "h", "ao3", ","], [2, 2, 1]),
        "en": ("Zhongli。", ["JH", "UH1", "NG", "L", "IY0", "."], None),
    }


def test_doctor_names_what_is_there_and_what_is_not(tmp_path):
    shown = json.loads(engine("doctor", "--workspace", tmp_path).stdout)
    torch = next(row for row in shown["libraries"] if row["name"] == "torch")
    assert torch["version"]
    models = {row["model"]: row for row in shown["models"]}
    assert not models["Whisper"]["found"]
    assert str(tmp_path) in models["Whisper"]["remedy"]
    assert models["starter voice"]["found"]
    assert models["vocoder v4"]["missing"] == ["vocoder.pth"]
    assert "DeepFilterNet" in models["FRCRN"]["without_it"]
