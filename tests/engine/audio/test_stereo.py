"""Sound in two channels."""

import numpy as np
import pytest
import soundfile

from engine.audio.stereo import read_stereo, stereo_writer
from engine.protocol.errors import BadAudio, MissingFile, OutOfSpace

SOUND = np.random.default_rng(0).normal(0, 0.3, (2, 50000)).astype(np.float32)


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    return made


def write(path, kind="wav", sound=SOUND):
    with stereo_writer(path, kind, 44100) as writer:
        writer.add(sound[:, :777])
        writer.add(sound[:, :0])
        writer.add(sound[:, 777:])
    return path


def read(path, rate_hz=44100):
    return np.concatenate(list(read_stereo(path, rate_hz)), axis=1)


@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_what_is_written_is_read(folder, kind):
    np.testing.assert_allclose(read(write(folder / f"a.{kind}", kind)), np.clip(SOUND, -1, 1), atol=1 / 30000)


@pytest.mark.parametrize("kind", ["mp3", "m4a"])
def test_small_formats_sound_alike(folder, kind):
    time_s = np.arange(44100) / 44100
    tone = (
        np.stack([np.sin(440 * 2 * np.pi * time_s), np.sin(660 * 2 * np.pi * time_s)]).astype(np.float32) / 2
    )
    again = read(write(folder / f"a.{kind}", kind, tone))
    for channel, hz in enumerate((440, 660)):
        found = np.abs(np.fft.rfft(again[channel, 4410:39690]))
        assert found.argmax() * 44100 / 35280 == pytest.approx(hz, abs=2)


def test_mono_comes_twice_and_more_channels_are_mixed(folder):
    soundfile.write(folder / "a.wav", SOUND[0], 44100, subtype="FLOAT")
    made = read(folder / "a.wav")
    np.testing.assert_allclose(made[0], made[1], atol=1e-6)
    np.testing.assert_allclose(made[0], SOUND[0], atol=1e-6)
    soundfile.write(folder / "six.wav", np.tile(SOUND[:1].T, (1, 6)), 44100)
    assert read(folder / "six.wav").shape == SOUND.shape


def test_another_rate(folder):
    soundfile.write(folder / "a.wav", SOUND.T, 22050)
    assert abs(read(folder / "a.wav").shape[1] - 2 * SOUND.shape[1]) < 100


def test_no_numbers_are_silence(folder):
    sound = SOUND[:, :5000].copy()
    sound[0, 100] = np.nan
    soundfile.write(folder / "a.wav", sound.T, 44100, subtype="FLOAT")
    assert np.isfinite(read(folder / "a.wav")).all()


def test_faults_are_named(folder):
    with pytest.raises(MissingFile):
        read(folder / "gone.wav")
    (folder / "a.wav").write_bytes(b"no sound")
    with pytest.raises(BadAudio, match="not a sound file"):
        read(folder / "a.wav")
    with pytest.raises(OutOfSpace), stereo_writer(folder / "gone" / "a.wav", "wav", 44100):
        pass
