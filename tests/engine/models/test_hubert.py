"""The content encoder at a tiny size."""

import json

import pytest
import torch
from safetensors.torch import save_file

from engine.checkpoints.writer import write_weights
from engine.models.hubert import ContentEncoder, load_content_encoder
from engine.protocol.errors import BadAudio, BadCheckpoint, MissingModel

_CONFIG = {
    "model_type": "hubert",
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "conv_dim": [16] * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return ContentEncoder(_CONFIG)


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    (made / "config.json").write_text(json.dumps(_CONFIG), encoding="utf-8")
    return made


def _old_names(state):
    new = "parametrizations.weight.original"
    return {
        name.replace(f"{new}0", "weight_g").replace(f"{new}1", "weight_v"): value
        for name, value in state.items()
    }


def test_fifty_vectors_a_second(encoder):
    assert encoder.channels == 32
    assert encoder.shortest_samples == 400
    assert encoder.encode(torch.randn(2, 16000)).shape == (2, 32, 49)
    assert encoder.encode(torch.randn(1, 400)).shape == (1, 32, 1)


def test_audio_that_is_too_short_is_refused(encoder):
    with pytest.raises(BadAudio, match="too short"):
        encoder.encode(torch.randn(1, 399))


def test_official_weight_names_are_read(encoder, folder):
    state = _old_names(encoder.network.state_dict())
    assert any(name.endswith("conv.weight_g") for name in state)
    write_weights(folder / "pytorch_model.bin", state)
    wave = torch.randn(1, 4000)
    assert torch.equal(load_content_encoder(folder).encode(wave), encoder.encode(wave))


def test_safetensors_half_precision_and_a_missing_mask_vector_are_read(encoder, folder):
    state = {
        f"hubert.{name}": value.half().contiguous()
        for name, value in encoder.network.state_dict().items()
        if name != "masked_spec_embed"
    }
    save_file(state, folder / "model.safetensors")
    wave = torch.randn(1, 4000)
    loaded = load_content_encoder(folder)
    assert not loaded.training
    assert torch.allclose(loaded.encode(wave), encoder.encode(wave), atol=0.02)


def test_a_missing_model_names_folder_and_files(folder):
    with pytest.raises(MissingModel, match="用户") as caught:
        load_content_encoder(folder)
    assert "pytorch_model.bin" in caught.value.hint
    with pytest.raises(MissingModel, match="nowhere"):
        load_content_encoder(folder / "nowhere")


def test_files_of_another_kind_are_refused(encoder, folder):
    write_weights(folder / "pytorch_model.bin", {"x": torch.zeros(2)})
    with pytest.raises(BadCheckpoint, match=r"pytorch_model\.bin do not fit"):
        load_content_encoder(folder)
    (folder / "config.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(BadCheckpoint, match=r"config\.json"):
        load_content_encoder(folder)
    (folder / "config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
    with pytest.raises(BadCheckpoint, match=r"config\.json"):
        load_content_encoder(folder)


@pytest.mark.parametrize("norm", ["group", "layer"])
def test_recordings_heard_together_are_heard_as_each_alone(norm):
    torch.manual_seed(2)
    encoder = ContentEncoder({**_CONFIG, "feat_extract_norm": norm})
    waves = [1000 * torch.randn(length) for length in (16000, 23456, 16000, 9000)]
    for together, wave in zip(encoder.encode_each(waves), waves, strict=True):
        alone = encoder.encode(wave[None])
        assert together.shape == alone.shape
        assert (together - alone).abs().max() < 1e-4


def test_one_that_is_too_short_is_said_also_among_others(encoder):
    with pytest.raises(BadAudio, match="too short"):
        encoder.encode_each([torch.zeros(16000), torch.zeros(100)])
