"""The stage `slice`."""

import os

import numpy as np
import pytest
import soundfile

from engine.dataset.slice import RATE_HZ, STATE, run
from engine.protocol.context import RecordingContext
from engine.protocol.errors import BadAudio, BadParameters, Cancelled, MissingFile, NothingToDo
from engine.protocol.stages.dataset import SliceParameters

TONE = (0.5 * np.sin(np.arange(5 * RATE_HZ) * 0.05)).astype(np.float32)
PAUSE = np.zeros(RATE_HZ, np.float32)


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    return made


def record(path, tones=2):
    path.parent.mkdir(exist_ok=True)
    soundfile.write(path, np.concatenate([TONE, PAUSE] * tones), RATE_HZ)
    return path


def clips_in(folder):
    return sorted(path.name for path in folder.glob("*.wav"))


def test_a_recording_becomes_clips(folder):
    source = record(folder / "in.wav")
    context = RecordingContext()
    result = run(SliceParameters(input=source, output=folder / "out"), context)
    names = clips_in(folder / "out")
    assert len(names) == 2
    assert all(name.startswith("in.wav_0000") for name in names)
    assert [path.name for _, path in context.artifacts] == names
    samples, rate_hz = soundfile.read(folder / "out" / names[0])
    assert rate_hz == RATE_HZ
    assert len(samples) / RATE_HZ == pytest.approx(5.5, abs=0.5)
    assert context.progressed[-1][0] == context.progressed[-1][1] == pytest.approx(12)
    assert "2 clips" in result.summary
    assert [a.path for a in result.artifacts if a.kind == "clip"] == [str(folder / "out" / n) for n in names]


def test_several_files_are_cut_where_they_lie_and_the_others_have_their_reasons(folder):
    first, second = record(folder / "甲" / "音 1.wav", 1), record(folder / "乙" / "b.wav", 1)
    (folder / "fake.mp3").write_text("no sound", encoding="utf-8")
    given = (first, second, folder / "fake.mp3", folder / "甲", folder / "gone.wav")
    context = RecordingContext()
    result = run(SliceParameters(input=given, output=folder / "out"), context)
    assert [name.split("_0")[0] for name in clips_in(folder / "out")] == ["b.wav", "音 1.wav"]
    assert [one.name.rsplit(os.sep, 1)[-1] for one in result.skipped] == ["gone.wav", "fake.mp3"]
    assert {path.name for path in (folder / "甲").iterdir()} == {"音 1.wav"}
    again = run(SliceParameters(input=given[::-1], output=folder / "out"), RecordingContext())
    assert again.numbers["unchanged"] == 2
    assert any("not a sound file" in text for _, text in context.lines)


def test_a_folder_goes_on_after_a_file_that_is_no_sound(folder):
    record(folder / "in" / "a.wav")
    (folder / "in" / "b.wav").write_text("no sound", encoding="utf-8")
    soundfile.write(folder / "in" / "c.wav", PAUSE, RATE_HZ)
    record(folder / "in" / "d.wav", 1)
    result = run(SliceParameters(input=folder / "in", output=folder / "out"), RecordingContext())
    assert len(clips_in(folder / "out")) == 3
    assert [s.name.rsplit(os.sep, 1)[-1] for s in result.skipped] == ["b.wav", "c.wav"]
    assert "not a sound file" in result.skipped[0].reason
    assert "louder" in result.skipped[1].reason


def test_what_was_cut_is_not_cut_again(folder):
    source = record(folder / "in.wav")
    parameters = SliceParameters(input=source, output=folder / "out")
    first = run(parameters, RecordingContext())
    times = {path: path.stat().st_mtime_ns for path in (folder / "out").glob("*.wav")}
    context = RecordingContext()
    second = run(parameters, context)
    assert context.artifacts == []
    assert second.numbers["unchanged"] == 1
    assert second.artifacts == first.artifacts
    assert times == {path: path.stat().st_mtime_ns for path in (folder / "out").glob("*.wav")}


def test_a_lost_clip_or_a_new_recording_is_cut_again(folder):
    source = record(folder / "in.wav")
    parameters = SliceParameters(input=source, output=folder / "out")
    run(parameters, RecordingContext())
    names = clips_in(folder / "out")
    (folder / "out" / names[0]).unlink()
    run(parameters, RecordingContext())
    assert clips_in(folder / "out") == names
    record(source, 3)
    run(parameters, RecordingContext())
    assert len(clips_in(folder / "out")) == 3


def test_other_parameters_replace_the_clips_but_not_changed_ones(folder):
    source = record(folder / "in.wav", 3)
    run(SliceParameters(input=source, output=folder / "out"), RecordingContext())
    before = clips_in(folder / "out")
    edited = folder / "out" / before[0]
    soundfile.write(edited, TONE[:100], RATE_HZ)
    run(SliceParameters(input=source, output=folder / "out", max_silence_ms=100), RecordingContext())
    after = clips_in(folder / "out")
    assert before[0] in after
    assert before[1] not in after


def test_the_default_output_is_below_the_current_folder(folder, monkeypatch):
    source = record(folder / "in.wav")
    monkeypatch.chdir(folder)
    run(SliceParameters(input=source), RecordingContext())
    assert len(clips_in(folder / "output" / "slicer_opt")) == 2


def test_it_stops_when_asked_and_goes_on_later(folder):
    for name in "abc":
        record(folder / "in" / f"{name}.wav")

    class Impatient(RecordingContext):
        def artifact(self, path, kind):
            super().artifact(path, kind)
            if len(self.artifacts) == 3:
                self.cancel()

    parameters = SliceParameters(input=folder / "in", output=folder / "out")
    with pytest.raises(Cancelled):
        run(parameters, Impatient())
    assert len(clips_in(folder / "out")) == 3
    assert (folder / "out" / STATE).is_file()
    assert [p for p in (folder / "out").iterdir() if ".part" in p.name] == []
    result = run(parameters, RecordingContext())
    assert result.numbers["unchanged"] == 1
    assert len(clips_in(folder / "out")) == 6


def test_what_cannot_be_used_is_said(folder):
    with pytest.raises(MissingFile, match="nowhere"):
        run(SliceParameters(input=folder / "nowhere", output=folder / "out"), RecordingContext())
    with pytest.raises(NothingToDo):
        run(SliceParameters(input=folder, output=folder / "out"), RecordingContext())
    soundfile.write(folder / "silent.wav", PAUSE, RATE_HZ)
    with pytest.raises(BadAudio, match=r"silent\.wav"):
        run(SliceParameters(input=folder, output=folder / "out"), RecordingContext())
    with pytest.raises(BadParameters):
        run(SliceParameters(input=folder, output=folder / "out", max_silence_ms=0), RecordingContext())
    assert clips_in(folder / "out") == []


def test_files_that_cannot_be_read_are_named_before_the_work(folder):
    record(folder / "in" / "a.wav")
    (folder / "in" / "z.flv").write_bytes(b"no film")  # an ending that FFmpeg knows
    (folder / "in" / "notes.txt").write_text("no sound", encoding="utf-8")
    seen = []

    class Listening(RecordingContext):
        def log(self, text, level="info"):
            super().log(text, level)
            seen.append(text)

        def artifact(self, path, kind):
            super().artifact(path, kind)
            seen.append(path.name)

    result = run(SliceParameters(input=folder / "in", output=folder / "out"), Listening())
    assert [one.name.rsplit(os.sep, 1)[-1] for one in result.skipped] == ["z.flv"]
    assert "z.flv" in seen[0]
    assert seen[1].startswith("a.wav")


def test_loud_clips_can_be_levelled_once(folder):
    soundfile.write(folder / "loud.wav", np.concatenate([TONE * 4, PAUSE] * 2), RATE_HZ, subtype="FLOAT")
    peaks = []
    for once in (False, True):
        run(
            SliceParameters(input=folder / "loud.wav", output=folder / str(once), mix=1, level_once=once),
            RecordingContext(),
        )
        clip = next((folder / str(once)).glob("*.wav"))
        peaks.append(np.abs(soundfile.read(clip)[0]).max())
    assert peaks == pytest.approx([0.45, 0.9], abs=1e-3)
