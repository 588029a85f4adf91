"""Text features of Chinese clips, with a tiny random text encoder."""

import json

import pytest
import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertModel

from engine.checkpoints.tensors import read_tensor
from engine.corpus.manifests import read_text_rows
from engine.dataset import text_vectors
from engine.dataset.text_features import run
from engine.models.text_encoder import TextEncoder, load_text_encoder
from engine.protocol.context import RecordingContext
from engine.protocol.errors import MissingModel
from engine.protocol.stages.features import TextFeaturesParameters

CONFIG = {
    "model_type": "bert",
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "vocab_size": 7,
    "max_position_embeddings": 12,
}
TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "你", "好", ","]


@pytest.fixture
def chinese(project):
    """The project with two Chinese clips among the others."""
    project.add("clips/甲.wav|me|ZH|你好，3个。", "clips/乙.wav|me|zh|你好！")
    return project


@pytest.fixture
def encoder(chinese):
    folder = chinese.root / "GPT_SoVITS" / "pretrained_models" / text_vectors.ENCODER
    folder.mkdir(parents=True)
    torch.manual_seed(1)
    (folder / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    (folder / "vocab.txt").write_text("\n".join(TOKENS), encoding="utf-8")
    network = BertModel(BertConfig.from_dict(CONFIG), add_pooling_layer=False)
    save_file(network.state_dict(), folder / "model.safetensors")
    return folder


def prepare(project):
    context = RecordingContext()
    return run(TextFeaturesParameters(**project.common()), context), context


def stored(project, name):
    return read_tensor(project.folder / "3-bert" / f"{name}.pt")


def warnings_of(context):
    return [text for level, text in context.lines if level == "warning"]


def test_chinese_clips_get_a_vector_for_every_phone(chinese, encoder):
    result, context = prepare(chinese)
    row = read_text_rows(chinese.folder / "2-name2text.txt")["甲.wav"]
    vectors = stored(chinese, "甲.wav")
    assert (vectors.dtype, tuple(vectors.shape)) == (torch.float32, (16, len(row.phones)))
    torch.testing.assert_close(
        vectors, load_text_encoder(encoder).encode(row.norm_text, row.word2ph), rtol=0, atol=0
    )
    assert {path.name for path in (chinese.folder / "3-bert").iterdir()} == {"甲.wav.pt", "乙.wav.pt"}
    assert warnings_of(context) == []
    assert [artifact.path for artifact in result.artifacts][1:] == [str(chinese.folder / "3-bert")]


def test_only_changed_texts_are_encoded_again(chinese, encoder, monkeypatch):
    prepare(chinese)
    asked = []
    real = TextEncoder.encode
    monkeypatch.setattr(
        TextEncoder, "encode", lambda self, text, counts: asked.append(text) or real(self, text, counts)
    )
    prepare(chinese)
    assert asked == []
    labels = chinese.labels.read_text(encoding="utf-8")
    chinese.labels.write_text(labels.replace("你好！", "好！"), encoding="utf-8")
    prepare(chinese)
    assert asked == ["好!"]


def test_without_the_encoder_one_warning_says_where_to_put_it(chinese):
    result, context = prepare(chinese)
    assert result.numbers["clips"] == 5
    (warning,) = warnings_of(context)
    assert text_vectors.ENCODER in warning
    assert str(chinese.root / "GPT_SoVITS" / "pretrained_models") in warning
    assert not (chinese.folder / "3-bert").exists()


def test_no_encoder_is_missed_where_nothing_is_chinese(project):
    _, context = prepare(project)
    assert warnings_of(context) == []


def test_vectors_of_another_text_do_not_stay(chinese, encoder):
    prepare(chinese)
    moved = encoder.rename(encoder.with_name("moved"))
    prepare(chinese)
    assert (chinese.folder / "3-bert" / "乙.wav.pt").is_file()
    labels = chinese.labels.read_text(encoding="utf-8")
    labels = labels.replace("|zh|你好！", "|zh|再见！").replace("|ZH|你好，3个。", "|EN|Hello there.")
    chinese.labels.write_text(labels, encoding="utf-8")
    prepare(chinese)
    assert list((chinese.folder / "3-bert").iterdir()) == []
    moved.rename(encoder)
    prepare(chinese)
    assert [path.name for path in (chinese.folder / "3-bert").iterdir()] == ["乙.wav.pt"]


def test_an_incomplete_encoder_is_an_error(chinese, encoder):
    (encoder / "model.safetensors").unlink()
    with pytest.raises(MissingModel, match=text_vectors.ENCODER):
        prepare(chinese)
