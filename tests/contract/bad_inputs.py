"""Kinds of bad input: how each is made, which stage gets it, and what its user must read."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile

from engine.audio.io import write_wav
from engine.protocol.builtin import sample_project

RATE_HZ = 16000
CLIP = "auth-incorrect.opus"
MakeInput = Callable[[Path], Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of bad input.

    Attributes:
        stage: The stage that gets it.
        make: Writes it into a folder, and gives the stage's parameters.
        says: Words that the message must hold.
        skips: Whether the stage goes on without it; the words are in a reason then.
    """

    stage: str
    make: MakeInput
    says: tuple[str, ...]
    skips: bool = False


def tone(seconds: float = 5.0) -> np.ndarray:
    """A tone with a pause in the middle."""
    wave = 0.3 * np.sin(np.arange(int(seconds * RATE_HZ)) * 0.05)
    wave[int(seconds * 0.4 * RATE_HZ) : int(seconds * 0.6 * RATE_HZ)] = 0
    return wave.astype(np.float32)


def _sliced(name: str, write: Callable[[Path], object]) -> MakeInput:
    """Slicing of one file."""

    def make(folder: Path) -> dict[str, Any]:
        write(folder / name)
        return {"input": str(folder / name), "output": str(folder / "out"), "min_length_ms": 500}

    return make


def _sound(samples: np.ndarray) -> Callable[[Path], object]:
    return lambda path: soundfile.write(path, samples, RATE_HZ, subtype="FLOAT")


def _bytes(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


def _half_a_head(path: Path) -> None:
    write_wav(path, tone(), RATE_HZ)
    path.write_bytes(path.read_bytes()[:30])


def _silent_film(path: Path) -> None:
    """A video without any sound track."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for _ in range(5):
            picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def _output_is_a_file(folder: Path) -> dict[str, Any]:
    write_wav(folder / "a.wav", tone(), RATE_HZ)
    (folder / "占用").write_text("a letter", encoding="utf-8")
    return {"input": str(folder / "a.wav"), "output": str(folder / "占用"), "min_length_ms": 500}


def _output_below_a_file(folder: Path) -> dict[str, Any]:
    return {**_output_is_a_file(folder), "output": str(folder / "占用" / "deeper")}


def _slice_values(**values: Any) -> MakeInput:
    def make(folder: Path) -> dict[str, Any]:
        write_wav(folder / "a.wav", tone(), RATE_HZ)
        return {"input": str(folder / "a.wav"), "output": str(folder / "out"), **values}

    return make


def _transcribed(write: Callable[[Path], object] | None = None, **values: Any) -> MakeInput:
    def make(folder: Path) -> dict[str, Any]:
        clips = folder / "clips"
        clips.mkdir()
        (write or _sound(tone()))(clips / "a.wav")
        common = {"input": str(clips), "output": str(folder / "out"), "workspace": str(folder)}
        return {**common, "model": "small", **values}

    return make


def _lost_files(folder: Path) -> dict[str, Any]:
    values = dict(_transcribed()(folder))
    return {**values, "input": [str(folder / "沒有 1.wav"), str(folder / "沒有 2.wav")]}


def _labelled(lines: str | bytes, write: Callable[[Path], object] | None = None, **values: Any) -> MakeInput:
    """A label file, beside a good clip and a bad one called x.wav."""

    def make(folder: Path) -> dict[str, Any]:
        shutil.copyfile(sample_project() / "clips" / CLIP, folder / CLIP)
        if write is not None:
            write(folder / "x.wav")
        labels = folder / "标注.list"
        labels.write_bytes(lines if isinstance(lines, bytes) else lines.encode("utf-8"))
        return {"workspace": str(folder), "experiment": "声", "labels": str(labels), **values}

    return make


GOOD = f"{CLIP}|ann|en|Password incorrect.\n"
BAD = GOOD + "x.wav|ann|en|Some words.\n"


def _no_labels(folder: Path) -> dict[str, Any]:
    return {"workspace": str(folder), "labels": str(folder / "没有.list")}


def _folder_for_labels(folder: Path) -> dict[str, Any]:
    (folder / "夹.list").mkdir()
    return {"workspace": str(folder), "experiment": "声", "labels": str(folder / "夹.list")}


def _two_of_a_name(folder: Path) -> dict[str, Any]:
    values = _labelled(GOOD + f"other/{CLIP.upper()}|ann|en|Another.\n")(folder)
    (folder / "other").mkdir()
    shutil.copyfile(sample_project() / "clips" / CLIP, folder / "other" / CLIP.upper())
    return dict(values)


def _models(file: str, data: bytes, key: str) -> MakeInput:
    """A model that is damaged."""

    def make(folder: Path) -> dict[str, Any]:
        values = dict(_labelled(GOOD)(folder))
        (folder / "模型").mkdir()
        (folder / "模型" / file).write_bytes(data)
        (folder / "模型" / "config.json").write_text('{"model_type": "hubert"}', encoding="utf-8")
        return {**values, key: str(folder / "模型" if file.endswith(".bin") else folder / "模型" / file)}

    return make


def _logs_is_a_file(folder: Path) -> dict[str, Any]:
    values = dict(_labelled(GOOD)(folder))
    (folder / "logs").write_text("a diary", encoding="utf-8")
    return values


def _folder_called_wav(path: Path) -> None:
    path.mkdir()
    (path / "inside.txt").write_text("kept", encoding="utf-8")


def _denoised(folder: Path) -> dict[str, Any]:
    (folder / "假.mp3").write_bytes(bytes(range(256)) * 40)
    return {"input": str(folder / "假.mp3"), "output": str(folder / "out")}


KINDS: dict[str, Kind] = {
    "no such recording": Kind(stage="slice", make=_sliced("没有.wav", lambda _: None), says=("没有.wav",)),
    "an empty folder": Kind(stage="slice", make=_sliced("空", Path.mkdir), says=("no sound file", "空")),
    "a folder without sound files": Kind(
        stage="slice", make=_sliced("夹.wav", _folder_called_wav), says=("no sound file", "夹.wav")
    ),
    "zero bytes": Kind(stage="slice", make=_sliced("零.wav", _bytes(b"")), says=("零.wav", "empty")),
    "text called wav": Kind(
        stage="slice", make=_sliced("字.wav", _bytes(b"this is text")), says=("字.wav", "not a sound file")
    ),
    "junk called mp4": Kind(
        stage="slice", make=_sliced("乱.mp4", _bytes(bytes(range(256)) * 40)), says=("乱.mp4",)
    ),
    "half of a WAV file's head": Kind(stage="slice", make=_sliced("头.wav", _half_a_head), says=("头.wav",)),
    "a video without sound": Kind(
        stage="slice", make=_sliced("无声.mp4", _silent_film), says=("无声.mp4", "no sound")
    ),
    "silence": Kind(
        stage="slice", make=_sliced("静.wav", _sound(np.zeros(80000, np.float32))), says=("静.wav", "louder")
    ),
    "samples that are no numbers": Kind(
        stage="slice", make=_sliced("nan.wav", _sound(np.full(80000, np.nan, np.float32))), says=("nan.wav",)
    ),
    "infinite samples": Kind(
        stage="slice", make=_sliced("inf.wav", _sound(np.full(80000, np.inf, np.float32))), says=("inf.wav",)
    ),
    "a single sample": Kind(
        stage="slice", make=_sliced("一.wav", _sound(np.zeros(1, np.float32))), says=("一.wav", "too short")
    ),
    "an output that is a file": Kind(stage="slice", make=_output_is_a_file, says=("占用", "not saved")),
    "an output that cannot be made": Kind(stage="slice", make=_output_below_a_file, says=("占用",)),
    "lengths that contradict": Kind(
        stage="slice", make=_slice_values(min_length_ms=100, min_interval_ms=900), says=("ms",)
    ),
    "a word for a number": Kind(
        stage="slice", make=_slice_values(min_length_ms="long"), says=("min_length_ms",)
    ),
    "an unknown parameter": Kind(stage="slice", make=_slice_values(colour="red"), says=("colour",)),
    "junk to denoise": Kind(stage="denoise", make=_denoised, says=("假.mp3",)),
    "a speech model that is not there": Kind(stage="transcribe", make=_transcribed(), says=("small",)),
    "a language that is none": Kind(
        stage="transcribe", make=_transcribed(language="klingon"), says=("klingon",)
    ),
    "several clips, none of them there": Kind(
        stage="transcribe", make=_lost_files, says=("2 chosen files", "沒有 1.wav")
    ),
    "no label file": Kind(stage="check", make=_no_labels, says=("没有.list",)),
    "a folder in place of a label file": Kind(
        stage="text_features", make=_folder_for_labels, says=("夹.list",)
    ),
    "an empty label file": Kind(stage="text_features", make=_labelled(b""), says=("标注.list",)),
    "labels in another encoding": Kind(
        stage="text_features",
        make=_labelled(f"{CLIP}|ann|zh|你好".encode("gb18030")),
        says=("标注.list", "UTF-8"),
    ),
    "labels in UTF-16": Kind(
        stage="text_features", make=_labelled(GOOD.encode("utf-16")), says=("标注.list", "UTF-8")
    ),
    "a line with too few columns": Kind(
        stage="text_features", make=_labelled(GOOD + "x.wav|ann\n"), says=("line 2", "fields"), skips=True
    ),
    "a line with too many columns": Kind(
        stage="text_features",
        make=_labelled(GOOD + "a|b|c|en|d|e\n"),
        says=("line 2",),
        skips=True,
    ),
    "an unknown language": Kind(
        stage="text_features",
        make=_labelled(GOOD + "x.wav|ann|xx|words\n"),
        says=("line 2", "xx"),
        skips=True,
    ),
    "a line without text": Kind(
        stage="text_features", make=_labelled(GOOD + "x.wav|ann|en|\n"), says=("line 2", "text"), skips=True
    ),
    "a text of marks alone": Kind(
        stage="text_features",
        make=_labelled(GOOD + "x.wav|ann|en|...!?\n"),
        says=("Line 2", "spoken"),
        skips=True,
    ),
    "two clips of one name": Kind(
        stage="text_features", make=_two_of_a_name, says=("Line 2", "same name", "line 1"), skips=True
    ),
    "an experiment with a slash in its name": Kind(
        stage="text_features", make=_labelled(GOOD, experiment="a/b"), says=("a/b", "'/'")
    ),
    "an experiment named like a device": Kind(
        stage="text_features", make=_labelled(GOOD, experiment="con"), says=("con", "folder")
    ),
    "a file where the logs belong": Kind(
        stage="text_features", make=_logs_is_a_file, says=("logs", "not saved")
    ),
    "a version that is none": Kind(
        stage="text_features", make=_labelled(GOOD, version="v9"), says=("version",)
    ),
    "a clip that is not there": Kind(
        stage="ssl_features", make=_labelled(BAD), says=("Line 2", "x.wav"), skips=True
    ),
    "a clip that is a folder": Kind(
        stage="ssl_features", make=_labelled(BAD, _folder_called_wav), says=("Line 2", "x.wav"), skips=True
    ),
    "a clip of zero bytes": Kind(
        stage="ssl_features", make=_labelled(BAD, _bytes(b"")), says=("Line 2", "x.wav", "empty"), skips=True
    ),
    "a clip without a sound": Kind(
        stage="ssl_features",
        make=_labelled(BAD, _sound(np.zeros(32000, np.float32))),
        says=("Line 2", "silent"),
        skips=True,
    ),
    "a clip far beyond full scale": Kind(
        stage="ssl_features",
        make=_labelled(BAD, _sound(np.full(32000, 5, np.float32))),
        says=("Line 2", "too loud"),
        skips=True,
    ),
    "a clip of a single sample": Kind(
        stage="ssl_features",
        make=_labelled(BAD, _sound(np.full(1, 0.5, np.float32))),
        says=("Line 2", "x.wav"),
        skips=True,
    ),
    "a clip that is too long to learn": Kind(
        stage="ssl_features",
        make=_labelled(BAD, _sound(np.tile(tone(), 13))),
        says=("Line 2", "65 s"),
        skips=True,
    ),
    "GPU numbers that are words": Kind(
        stage="ssl_features", make=_labelled(GOOD, gpu_numbers="all"), says=("gpu_numbers",)
    ),
    "a device that is not there": Kind(
        stage="ssl_features", make=_labelled(GOOD, device="cuda:77"), says=("cuda:77",)
    ),
    "a damaged content encoder": Kind(
        stage="ssl_features",
        make=_models("pytorch_model.bin", b"junk", "content_encoder"),
        says=("pytorch_model.bin",),
    ),
    "no content features": Kind(stage="semantic_tokens", make=_labelled(GOOD), says=("1b",)),
    "SoVITS weights that are not there": Kind(
        stage="semantic_tokens", make=_labelled(GOOD, pretrained_sovits="没有.pth"), says=("没有.pth",)
    ),
}
