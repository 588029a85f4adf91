"""The check of a label file: every rule, by a clip that breaks it."""

import numpy as np
import pytest

from engine.audio.io import read_audio, write_wav
from engine.audio.quality import measure
from engine.dataset.check import run
from engine.dataset.speaker_outliers import SpeakerCheck
from engine.protocol.builtin import sample_project
from engine.protocol.checkup import Remedy, Rule, checkup_beside, read_checkup
from engine.protocol.context import RecordingContext
from engine.protocol.errors import NothingToDo
from engine.protocol.label_list import LabelRow, read_labels
from engine.protocol.stages.dataset import CheckParameters
from engine.protocol.transcripts import Transcript, transcripts_beside, write_transcripts

RATE_HZ = 32000


@pytest.fixture(scope="module")
def speech():
    """Three seconds of a sentence and its text."""
    row = next(row for row in read_labels(sample_project() / "sample.list").rows if "newlocation" in row.path)
    return read_audio(row.clip(sample_project()), RATE_HZ), row.text


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    return made


def check(folder, clips, texts, version="v2"):
    """Writes clips and a list, checks it, and gives rules by clip."""
    lines = []
    for name, samples in clips.items():
        if samples is not None:
            write_wav(folder / name, np.clip(samples, -1, 1), RATE_HZ)
        lines.append(f"{name}|s|{'EN'}|{texts.get(name, texts[''])}\n")
    path = folder / "a.list"
    path.write_text("".join(lines), encoding="utf-8")
    context = RecordingContext()
    parameters = CheckParameters(labels=path, workspace=folder, version=version)
    try:
        result = run(parameters, context)
    except NothingToDo as error:
        result = error
    found = read_checkup(checkup_beside(path))
    return {name: {one.rule for one in found.findings if one.clip == name} for name in clips}, found, result


def noise(count, level, seed=0):
    return np.random.default_rng(seed).normal(0, level, count).astype(np.float32)


def test_each_rule_finds_its_clip_and_no_other(folder, speech):
    samples, text = speech
    clips = {
        "good.wav": samples,
        "gone.wav": None,
        "short.wav": samples[: RATE_HZ // 2],
        "long.wav": np.tile(samples, 18),
        "silent.wav": samples * 1e-4,
        "quiet.wav": samples * 0.01,
        "clipped.wav": samples * 20,
        "noisy.wav": samples + noise(samples.size, 0.05),
        "no words.wav": samples,
        "fast.wav": samples,
        "other.wav": samples,
    }
    texts = {
        "": text,
        "no words.wav": "...",
        "fast.wav": text * 6,
        "other.wav": "Something else is said here.",
    }
    texts["long.wav"] = text * 8
    heard = Transcript(fingerprint="", language="en", text=text, seconds=3, avg_logprob=0, no_speech=0)
    write_transcripts(transcripts_beside(folder / "a.list"), {"other.wav": heard, "good.wav": heard})
    (folder / "broken.wav").write_bytes(b"no sound")
    rules, found, result = check(folder, clips | {"broken.wav": None}, texts)
    assert rules == {
        "good.wav": set(),
        "gone.wav": {Rule.MISSING},
        "short.wav": {Rule.TOO_SHORT},
        "long.wav": {Rule.TOO_LONG},
        "silent.wav": {Rule.SILENT},
        "quiet.wav": {Rule.QUIET},
        "clipped.wav": {Rule.CLIPPED},
        "noisy.wav": {Rule.NOISY},
        "no words.wav": {Rule.NO_WORDS},
        "fast.wav": {Rule.PACE},
        "other.wav": {Rule.TEXT_DIFFERS},
        "broken.wav": {Rule.UNREADABLE},
    }
    by_rule = {one.rule: one for one in found.findings}
    assert by_rule[Rule.TOO_SHORT].measured == "0.50 s"
    assert by_rule[Rule.TOO_SHORT].limit == "more than 0.6 s"
    assert by_rule[Rule.NOISY].remedy is Remedy.DENOISE
    assert {one.rule for one in found.findings if one.drops} == {
        *(Rule.MISSING, Rule.TOO_SHORT, Rule.TOO_LONG, Rule.SILENT),
        *(Rule.NO_WORDS, Rule.PACE, Rule.UNREADABLE),
    }
    assert found.kept_s == pytest.approx(5 * samples.size / RATE_HZ, abs=0.01)
    assert result.numbers["dropped"] == 7
    assert result.numbers["hurting"] == 4
    assert any("no speaker encoder" in words for words in found.not_checked)


def test_versions_that_learn_mels_take_shorter_clips(folder, speech):
    samples, text = speech
    rules, _, _ = check(folder, {"a.wav": np.tile(samples, 7)}, {"": text * 7}, "v3")
    assert rules["a.wav"] == {Rule.TOO_LONG}
    rules, _, _ = check(folder, {"a.wav": np.tile(samples, 7)}, {"": text * 7}, "v2")
    assert rules["a.wav"] == set()


def test_nothing_left_is_said_in_a_sentence(folder, speech):
    samples, text = speech
    clips = {"a.wav": samples[:9000], "b.wav": samples[:9000], "c.wav": None}
    _, found, result = check(folder, clips, {"": text})
    assert isinstance(result, NothingToDo)
    assert "none of the 3 clips in a.list: 2 × too short, 1 × missing" in result.message
    assert len(found.findings) == 3


def test_a_second_clip_of_the_same_name_is_told(folder, speech):
    samples, text = speech
    write_wav(folder / "x" / "a.wav", samples, RATE_HZ)
    rules, _, _ = check(folder, {"a.wav": samples, "x/a.wav": samples}, {"": text})
    assert rules == {"a.wav": set(), "x/a.wav": {Rule.SAME_NAME}}


def test_clips_are_read_again_only_when_they_changed(folder, speech, monkeypatch):
    samples, text = speech
    clips = {f"{number}.wav": samples for number in range(3)}
    check(folder, clips, {"": text})
    (folder / "1.wav").unlink()
    read = []
    real = read_audio
    monkeypatch.setattr(
        "engine.dataset.check.read_audio", lambda path, *rest: read.append(path.name) or real(path, *rest)
    )
    path = folder / "a.list"
    write_wav(folder / "1.wav", samples[: RATE_HZ // 4], RATE_HZ)
    run(CheckParameters(labels=path, workspace=folder), RecordingContext())
    assert read == ["1.wav"]
    assert [one.rule for one in read_checkup(checkup_beside(path)).findings] == [Rule.TOO_SHORT]


def test_a_voice_unlike_the_others_is_found():
    speakers = SpeakerCheck(weights=None, context=RecordingContext())
    random = np.random.default_rng(0)
    usual = random.normal(size=256)
    for line in range(20):
        row = LabelRow(path=f"{line}.wav", speaker="s", language="en", text="t", line=line)
        voice = random.normal(size=256) if line == 7 else usual + 0.4 * random.normal(size=256)
        speakers.take(row, voice.tolist())
    assert [line for line, *_ in speakers.outliers()] == [7]


def test_noise_under_speech_is_measured(speech):
    samples, _ = speech
    level = 10 ** (measure(samples, RATE_HZ).speech_db / 20)
    for wanted in (10, 20):
        made = measure(samples + noise(samples.size, level * 10 ** (-wanted / 20)), RATE_HZ)
        assert made.snr_db == pytest.approx(wanted, abs=2.5)
