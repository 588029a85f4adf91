"""Which clips SoVITS learns from, and how they become tensors."""

import wave

import numpy as np
import pytest
import torch

from engine.audio.spectrogram import linear_spectrogram
from engine.protocol.errors import BadLabels, NothingToDo
from engine.protocol.versions import version
from engine.protocol.workspace import Experiment
from engine.train.sovits_data import sovits_batch, sovits_items
from tests.engine.train.experiments import HOP, PRO_SIZES, RATE_HZ, SOVITS_SIZES, SSL_CHANNELS

V2 = version("v2")


@pytest.fixture
def experiment(tmp_path):
    made = Experiment(tmp_path / "用户 it's 名")
    made.wav_folder.mkdir(parents=True)
    made.ssl_folder.mkdir()
    made.text_file.write_text("", encoding="utf-8")
    return made


def add(experiment, name, samples, frames=None, rate_hz=RATE_HZ, phones="AH0 T"):
    with wave.open(str(experiment.wav_folder / name), "wb") as stream:
        stream.setnchannels(1)
        stream.setsampwidth(2)
        stream.setframerate(rate_hz)
        ramp = (np.arange(samples) % 2000 - 1000).astype("<i2")
        stream.writeframes(ramp.tobytes())
    frames = samples // HOP if frames is None else frames
    content = torch.arange(frames, dtype=torch.float32).expand(1, SSL_CHANNELS, frames)
    torch.save(content.clone(), experiment.ssl_folder / f"{name}.pt")
    with experiment.text_file.open("a", encoding="utf-8") as stream:
        stream.write(f"{name}\t{phones}\tNone\twords\n")


def test_every_clip_left_out_has_its_reason(experiment):
    add(experiment, "说 good.wav", RATE_HZ)
    add(experiment, "short.wav", int(0.6 * RATE_HZ))
    add(experiment, "shortest.wav", 33 * HOP)
    add(experiment, "one frame less.wav", 32 * HOP)
    add(experiment, "too long.wav", 39 * RATE_HZ, 5)
    add(experiment, "other rate.wav", 16000, rate_hz=16000)
    add(experiment, "no content.wav", RATE_HZ)
    (experiment.ssl_folder / "no content.wav.pt").unlink()
    add(experiment, "broken.wav", RATE_HZ)
    (experiment.wav_folder / "broken.wav").write_bytes(b"RIFF")
    add(experiment, "silent.wav", RATE_HZ, phones="")
    items, skipped = sovits_items(experiment, V2, SOVITS_SIZES)
    assert [item.name for item in items] == ["说 good.wav", "shortest.wav"]
    assert [item.frames for item in items] == [50, 33]
    reasons = {one.name: one.reason for one in skipped}
    assert set(reasons) == {
        "short.wav",
        "one frame less.wav",
        "too long.wav",
        "other rate.wav",
        "no content.wav",
        "broken.wav",
        "silent.wav",
    }
    assert "0.60 s" in reasons["short.wav"]
    assert "39.00 s" in reasons["too long.wav"]
    assert "32000 Hz" in reasons["other rate.wav"]
    assert "1b" in reasons["no content.wav"]


def test_nothing_left_tells_why(experiment):
    add(experiment, "short.wav", 1000)
    with pytest.raises(NothingToDo, match=r"short\.wav: it is 0\.03 s long"):
        sovits_items(experiment, V2, SOVITS_SIZES)


def test_padding_is_even_and_zero(experiment):
    add(experiment, "a.wav", 40 * HOP + 100, 39)
    add(experiment, "b.wav", 51 * HOP, 52, phones="AH0 T S")
    items, _ = sovits_items(experiment, V2, SOVITS_SIZES)
    batch = sovits_batch(items, SOVITS_SIZES)
    assert batch.frames.tolist() == [40, 51]
    assert batch.ssl.shape == (2, SSL_CHANNELS, 52)
    assert batch.spectrogram.shape == (2, 1025, 52)
    assert batch.wave.shape == (2, 1, 52 * HOP)
    assert batch.ssl[0, 0].tolist() == [*range(39), 38, *[0] * 12]  # the last frame is said again
    assert batch.ssl[1, 0].tolist() == [*range(51), 0]
    assert batch.spectrogram[0, :, 40:].abs().sum() == 0
    sound = torch.from_numpy(((np.arange(40 * HOP + 100) % 2000 - 1000) / 32768).astype(np.float32))
    assert torch.equal(batch.wave[0, 0, : len(sound)], sound)
    assert torch.equal(batch.spectrogram[0, :, :40], linear_spectrogram(sound[None])[0])
    assert batch.phone_lengths.tolist() == [2, 3]
    assert batch.phones[0, 2] == 0


@pytest.mark.parametrize("frames", [37, 43])
def test_content_of_another_sound_is_named(experiment, frames):
    add(experiment, "a.wav", 40 * HOP, frames)
    items, _ = sovits_items(experiment, V2, SOVITS_SIZES)
    with pytest.raises(BadLabels, match=r"a\.wav"):
        sovits_batch(items, SOVITS_SIZES)


def test_speaker_vectors_come_along_where_the_network_hears_them(experiment):
    for name in ("a.wav", "b.wav", "none.wav"):
        add(experiment, name, RATE_HZ)
    with pytest.raises(NothingToDo, match="7-sv_cn"):
        sovits_items(experiment, version("v2Pro"), PRO_SIZES)
    experiment.speaker_folder.mkdir()
    for number, name in enumerate(("a.wav", "b.wav")):
        torch.save(torch.full((1, 10), number / 2), experiment.speaker_folder / f"{name}.pt")
    items, skipped = sovits_items(experiment, version("v2Pro"), PRO_SIZES)
    assert [(one.name, "speaker vector" in one.reason) for one in skipped] == [("none.wav", True)]
    batch = sovits_batch(items, PRO_SIZES).to(torch.device("cpu"))
    assert batch.speaker.tolist() == [[0.0] * 10, [0.5] * 10]
    without, _ = sovits_items(experiment, V2, SOVITS_SIZES)
    assert sovits_batch(without, SOVITS_SIZES).to(torch.device("cpu")).speaker is None
    torch.save(torch.zeros(1, 7), experiment.speaker_folder / "b.wav.pt")
    with pytest.raises(BadLabels, match=r"speaker vector of b\.wav is \[1, 7\]"):
        sovits_batch(items, PRO_SIZES)
