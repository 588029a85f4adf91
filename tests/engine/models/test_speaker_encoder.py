"""The speaker encoder at a tiny size, and its weight file."""

import pytest
import torch

from engine.checkpoints.inspection import ModelKind, inspect
from engine.checkpoints.writer import write_weights
from engine.models.speaker_encoder import SpeakerEncoder, SpeakerEncoderConfig, load_speaker_encoder
from engine.protocol.errors import BadAudio, BadCheckpoint, MissingModel
from tests.engine.models.tiny import TINY_SPEAKER, tiny_speaker_encoder


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    return made


def test_sound_of_any_length_gives_one_vector():
    encoder = tiny_speaker_encoder()
    for samples in (400, 1000, 16000):
        made = encoder.embed(torch.randn(2, samples) * 0.1)
        assert made.shape == (2, encoder.channels)
        assert torch.isfinite(made).all()
        assert not made.requires_grad
    with pytest.raises(BadAudio, match="too short"):
        encoder.embed(torch.zeros(1, 399))


def test_different_sounds_give_different_vectors():
    encoder = tiny_speaker_encoder()
    low, high = (torch.sin(torch.arange(4000) * step)[None] * 0.1 for step in (0.05, 0.5))
    assert not torch.allclose(encoder.embed(low), encoder.embed(high), atol=1e-2)
    together = encoder.embed(torch.cat((low, high)))
    assert torch.allclose(together[1:], encoder.embed(high), atol=1e-4)


def test_the_official_sizes():
    with torch.device("meta"):
        encoder = SpeakerEncoder(SpeakerEncoderConfig())
    assert encoder.channels == 20480


def test_a_file_is_read_back_and_its_unused_layer_left_aside(folder):
    encoder = tiny_speaker_encoder()
    state = {**encoder.state_dict(), "seg_1.weight": torch.zeros(3, 4), "seg_1.bias": torch.zeros(3)}
    path = write_weights(folder / "sv 名.ckpt", state)
    assert inspect(path).kind is ModelKind.SPEAKER_ENCODER
    again = load_speaker_encoder(path)
    assert again.config == TINY_SPEAKER
    assert not again.training
    sound = torch.randn(1, 3000) * 0.1
    assert torch.equal(again.embed(sound), encoder.embed(sound))


def test_half_a_file_of_official_precision_is_read(folder):
    state = {
        name: value.half() if value.is_floating_point() else value
        for name, value in tiny_speaker_encoder().state_dict().items()
    }
    again = load_speaker_encoder(write_weights(folder / "a.ckpt", state))
    assert again.conv1.weight.dtype == torch.float32


def test_other_files_are_refused_by_name(folder):
    with pytest.raises(MissingModel, match="nowhere"):
        load_speaker_encoder(folder / "nowhere.ckpt")
    with pytest.raises(BadCheckpoint, match="no speaker encoder"):
        load_speaker_encoder(write_weights(folder / "other.ckpt", {"conv1.weight": torch.zeros(4, 1, 3, 3)}))
    short = tiny_speaker_encoder().state_dict()
    del short["fuse34.local_att.0.weight"]
    with pytest.raises(BadCheckpoint, match=r"missing: fuse34"):
        load_speaker_encoder(write_weights(folder / "short.ckpt", short))
