"""Noise is taken out, speech stays."""

from pathlib import Path

import numpy as np
import pytest

from engine.audio.deepfilter import RATE_HZ, DeepFilter
from engine.audio.io import probe, read_audio, write_wav
from engine.dataset.denoise import run
from engine.dataset.file_work import _fits
from engine.protocol.builtin import sample_project
from engine.protocol.context import RecordingContext
from engine.protocol.errors import BadParameters, Cancelled, MissingFile, NothingToDo
from engine.protocol.stages.cleaning import DenoiseParameters


@pytest.fixture(scope="module")
def speech():
    return read_audio(sample_project() / "recording.opus", RATE_HZ)[: 2 * RATE_HZ]


def noisy(speech, db=10.0):
    noise = np.random.default_rng(0).normal(size=speech.size).astype(np.float32)
    level = np.sqrt(np.mean(speech**2) / np.mean(noise**2)) * 10 ** (-db / 20)
    return speech + noise * level


def ratio_db(speech, other):
    """Signal to noise of `other`, its level aside."""
    fitted = speech * (np.dot(speech, other) / np.dot(speech, speech))
    return 10 * np.log10(np.sum(fitted**2) / np.sum((other - fitted) ** 2))


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    return made


def test_noise_goes_and_speech_stays_in_time(speech):
    with DeepFilter() as network:
        clean = network.clean(noisy(speech))
    assert clean.shape == speech.shape
    assert ratio_db(speech, clean) > ratio_db(speech, noisy(speech)) + 7


def test_a_limit_leaves_some_noise(speech):
    with DeepFilter(6.0) as network:
        some = network.clean(noisy(speech))
    assert 3 < ratio_db(speech, some) - 10 < 7


def test_every_file_keeps_its_name_and_rate_and_is_done_once(folder, speech):
    write_wav(folder / "in" / "a 名.wav", noisy(speech), RATE_HZ)
    write_wav(folder / "in" / "b.wav", noisy(speech)[::3][: RATE_HZ // 3], 16000)
    (folder / "in" / "c.mp3").write_bytes(b"no sound at all")
    parameters = DenoiseParameters(input=folder / "in", output=folder / "out")
    first = run(parameters, RecordingContext())
    assert first.skipped[0].reason.endswith("is not a sound file.")
    made = folder / "out" / "a 名.wav"
    assert probe(made).rate_hz == RATE_HZ
    assert probe(folder / "out" / "b.wav").rate_hz == 16000
    assert probe(made).duration_s == pytest.approx(2.0)
    before = made.stat().st_mtime_ns
    again = run(parameters, RecordingContext())
    assert again.numbers["unchanged"] == 2
    assert made.stat().st_mtime_ns == before
    run(parameters.model_copy(update={"limit_db": 6.0}), RecordingContext())
    assert made.stat().st_mtime_ns != before


def test_recordings_are_never_written_over(folder, speech):
    write_wav(folder / "a.wav", speech[:RATE_HZ], RATE_HZ)
    for given in (folder, folder / "a.wav"):
        with pytest.raises(BadParameters, match="take the place"):
            run(DenoiseParameters(input=given, output=folder), RecordingContext())


def test_bad_input_is_named(folder):
    with pytest.raises(MissingFile):
        run(DenoiseParameters(input=folder / "gone", output=folder / "out"), RecordingContext())
    with pytest.raises(NothingToDo):
        run(DenoiseParameters(input=folder, output=folder / "out"), RecordingContext())


def test_several_files_at_once_come_out_as_one_by_one(folder, speech, monkeypatch):
    chance = np.random.default_rng(1)
    for number in range(6):
        write_wav(
            folder / "in" / f"{number}.wav", noisy(speech)[: int(chance.integers(9600, RATE_HZ))], RATE_HZ
        )
    (folder / "in" / "2.wav").write_bytes(b"no sound at all")
    write_wav(folder / "in" / "4.wav", np.zeros(0, np.float32), RATE_HZ)
    bytes_of = {}
    for cores in (1, 4):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        out, context = folder / f"out {cores}", RecordingContext()
        result = run(DenoiseParameters(input=folder / "in", output=out), context)
        assert result.numbers["files"] == 4
        assert sorted(Path(one.name).name for one in result.skipped) == ["2.wav", "4.wav"]
        assert [path.name for _, path in context.artifacts] == ["0.wav", "1.wav", "3.wav", "5.wav"]
        done = [done for done, _, unit in context.progressed if unit == "s"]
        assert done == sorted(done)
        bytes_of[cores] = [path.read_bytes() for _, path in context.artifacts]
    assert bytes_of[1] == bytes_of[4]


def test_long_files_are_not_in_memory_together():
    assert [_fits(200, running, 4) for running in ([], [200], [200, 200], [200, 200, 200], [5] * 4)] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert _fits(36000, [], 4)
    assert not _fits(5, [36000], 4)


def test_it_can_be_stopped_and_goes_on(folder, speech, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    for name in ("a", "b"):
        write_wav(folder / "in" / f"{name}.wav", speech[:RATE_HZ], RATE_HZ)
    parameters = DenoiseParameters(input=folder / "in", output=folder / "out")
    context = RecordingContext()
    real = context.artifact

    def stop_after_the_first(path, kind):
        real(path, kind)
        context.cancel()

    context.artifact = stop_after_the_first
    with pytest.raises(Cancelled):
        run(parameters, context)
    assert [path.name for path in sorted((folder / "out").glob("*.wav"))] == ["a.wav"]
    assert run(parameters, RecordingContext()).numbers == {"files": 2, "seconds": 2.0, "unchanged": 1}
