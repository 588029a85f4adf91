"""Reading and writing sound files."""

import wave

import numpy as np
import pytest
import soundfile

from engine.audio.io import list_audio, probe, read_audio, require_sound, write_wav
from engine.protocol.errors import BadAudio, MissingFile, NothingToDo

RATE_HZ = 44100
TONE = (0.5 * np.sin(np.arange(RATE_HZ) * 0.05)).astype(np.float32)


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    return made


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
def test_any_kind_becomes_mono(folder, name):
    path = folder / name
    soundfile.write(path, np.stack([TONE, TONE], axis=1), RATE_HZ)
    got = read_audio(path, RATE_HZ)
    assert got.dtype == np.float32
    assert abs(len(got) - RATE_HZ) < 500
    assert np.abs(got[:40000] - TONE[:40000]).max() < 0.02
    info = probe(path)
    assert (info.rate_hz, info.channels) == (RATE_HZ, 2)
    assert info.duration_s == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("kind", ["PCM_U8", "PCM_24", "FLOAT", "DOUBLE"])
def test_any_sample_format_has_full_scale_one(folder, kind):
    soundfile.write(folder / "a.wav", TONE, RATE_HZ, subtype=kind)
    assert np.abs(read_audio(folder / "a.wav", RATE_HZ) - TONE).max() < 0.01


def test_the_rate_is_changed(folder):
    soundfile.write(folder / "a.wav", TONE, RATE_HZ)
    got = read_audio(folder / "a.wav", 16000)
    assert len(got) == 16000
    wanted = 0.5 * np.sin(np.arange(16000) * 0.05 * RATE_HZ / 16000)
    assert np.abs(got - wanted)[200:-200].max() < 0.01


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.wav", b"this is a text file\n" * 50),
        ("empty.wav", b""),
        ("picture.wav", b"\x89PNG\r\n\x1a\n" + bytes(100)),
    ],
)
def test_what_is_no_sound_is_named(folder, name, content):
    path = folder / name
    path.write_bytes(content)
    with pytest.raises(BadAudio) as caught:
        read_audio(path, 32000)
    assert str(path) in caught.value.message
    assert caught.value.hint
    with pytest.raises(BadAudio):
        probe(path)


def test_a_head_without_samples_is_no_sound(folder):
    path = folder / "a.wav"
    soundfile.write(path, TONE, RATE_HZ)
    path.write_bytes(path.read_bytes()[:44])
    with pytest.raises(BadAudio, match="no sound"):
        read_audio(path, 32000)


def test_a_missing_file_is_named(folder):
    with pytest.raises(MissingFile, match="nowhere"):
        read_audio(folder / "nowhere.wav", 32000)


@pytest.mark.parametrize("name", ["cut.wav", "cut.flac"])
def test_what_is_left_of_a_cut_file_is_used_with_a_warning(folder, name):
    path = folder / name
    soundfile.write(path, TONE, RATE_HZ)
    content = path.read_bytes()
    warnings = []
    read_audio(path, RATE_HZ, warnings.append)
    assert warnings == []
    path.write_bytes(content[: len(content) // 2])
    got = read_audio(path, RATE_HZ, warnings.append)
    assert RATE_HZ // 4 < len(got) < RATE_HZ * 3 // 4
    assert np.abs(got[:10000] - TONE[:10000]).max() < 0.01
    assert len(warnings) == 1
    assert str(path) in warnings[0]


def test_samples_that_are_no_numbers_are_silence(folder):
    broken = TONE.copy()
    broken[100:200] = np.nan
    soundfile.write(folder / "a.wav", broken, RATE_HZ, subtype="FLOAT")
    warnings = []
    got = read_audio(folder / "a.wav", 32000, warnings.append)
    assert np.isfinite(got).all()
    assert warnings


def test_silence_is_told_from_sound(folder):
    require_sound(TONE, folder)
    with pytest.raises(BadAudio, match="silent"):
        require_sound(np.zeros(100, np.float32), folder / "a.wav")


def test_written_samples_are_limited_and_nothing_else_is_left(folder):
    path = folder / "new" / "a.wav"
    write_wav(path, np.array([2, -2, 0.5, 0], np.float32), 32000)
    with wave.open(str(path)) as stream:
        assert stream.getparams()[:4] == (1, 2, 32000, 4)
        pcm = np.frombuffer(stream.readframes(4), "<i2")
    assert pcm.tolist() == [32767, -32768, 16383, 0]
    write_wav(path, np.array([1, 2], np.int16), 32000)
    assert [p.name for p in path.parent.iterdir()] == ["a.wav"]


def test_a_folder_lists_its_sound_files_in_order(folder):
    for name in ["b.MP3", "a.wav", "notes.txt", ".hidden.wav", "音.flac"]:
        (folder / name).touch()
    (folder / "sub.wav").mkdir()
    assert [p.name for p in list_audio(folder)] == ["a.wav", "b.MP3", "音.flac"]


def test_a_folder_without_sound_is_named(folder):
    with pytest.raises(NothingToDo, match="用户 it's 名"):
        list_audio(folder)
    with pytest.raises(MissingFile):
        list_audio(folder / "nowhere")
