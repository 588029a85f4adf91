import json

import pytest
import torch
from transformers import BertConfig, BertForMaskedLM

from engine.checkpoints.writer import write_weights
from engine.models.text_encoder import load_text_encoder
from engine.protocol.errors import BadCheckpoint, BadText, MissingModel

CONFIG = {
    "model_type": "bert",
    "hidden_size": 16,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "vocab_size": 10,
    "max_position_embeddings": 12,
    "type_vocab_size": 2,
}
TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "我", "们", "好", "a", "。", "，"]


@pytest.fixture
def whole():
    """The network that the files are of, with all its layers."""
    torch.manual_seed(4)
    return BertForMaskedLM(BertConfig.from_dict(CONFIG)).eval()


@pytest.fixture
def folder(tmp_path, whole):
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    (made / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    (made / "vocab.txt").write_text("\n".join(TOKENS), encoding="utf-8")
    weights = {name: tensor.half() for name, tensor in whole.state_dict().items()}
    write_weights(made / "pytorch_model.bin", {**weights, "bert.embeddings.position_ids": torch.arange(12)})
    return made


def test_a_character_s_vector_stands_for_each_of_its_phones(folder, whole):
    made = load_text_encoder(folder).encode("我们好。", [2, 2, 1, 1])
    assert made.shape == (16, 6)
    ids = torch.tensor([[2, 4, 5, 6, 8, 3]])
    with torch.no_grad():
        wanted = whole.half().float()(ids, output_hidden_states=True).hidden_states[-3][0, 1:-1]
    torch.testing.assert_close(made.T, wanted[[0, 0, 1, 1, 2, 3]], rtol=1e-4, atol=1e-5)


def test_unknown_characters_and_capitals_have_a_vector(folder):
    encoder = load_text_encoder(folder)
    assert encoder.ids("我A龘") == [4, 7, 1]
    assert encoder.encode("", []).shape == (16, 0)


def test_a_text_longer_than_the_network_reads_is_read_in_parts(folder):
    encoder = load_text_encoder(folder)
    made = encoder.encode("我们好" * 8, [1] * 24)
    assert made.shape == (16, 24)
    torch.testing.assert_close(made[:, :10], encoder.encode(("我们好" * 4)[:10], [1] * 10))


def test_counts_of_another_text_are_refused(folder):
    with pytest.raises(BadText, match="我们"):
        load_text_encoder(folder).encode("我们", [1, 1, 1])


def test_the_file_of_the_fast_tokenizer_says_the_same(folder):
    old = load_text_encoder(folder).tokens
    (folder / "vocab.txt").unlink()
    vocabulary = {token: number for number, token in enumerate(TOKENS)}
    (folder / "tokenizer.json").write_text(
        json.dumps({"model": {"type": "WordPiece", "vocab": vocabulary}}), encoding="utf-8"
    )
    assert load_text_encoder(folder).tokens == old


def test_an_incomplete_folder_is_named(folder):
    (folder / "vocab.txt").unlink()
    with pytest.raises(MissingModel, match="用户") as caught:
        load_text_encoder(folder)
    assert "vocab.txt" in caught.value.hint
    assert "config.json" not in caught.value.hint


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("config.json", "{"),
        ("config.json", "[]"),
        ("config.json", '{"model_type": "gpt2"}'),
        ("config.json", json.dumps({**CONFIG, "num_attention_heads": 3})),
        ("config.json", json.dumps({**CONFIG, "hidden_size": 32})),
        ("vocab.txt", "我\n们"),
        ("vocab.txt", "\n".join([*TOKENS, "more"])),
    ],
)
def test_a_folder_that_does_not_fit_is_refused(folder, file, text):
    (folder / file).write_text(text, encoding="utf-8")
    with pytest.raises(BadCheckpoint, match="用户"):
        load_text_encoder(folder)


def test_texts_read_together_mean_what_each_means_alone(folder):
    encoder = load_text_encoder(folder)
    texts = [("我们好", (2, 2, 2)), ("我", (2,)), ("好。我们，a", (2, 1, 2, 2, 1, 3)), ("", ())]
    for together, (text, counts) in zip(encoder.encode_each(texts), texts, strict=True):
        alone = encoder.encode(text, counts)
        assert together.shape == alone.shape
        assert torch.allclose(together, alone, atol=1e-4)
    long = [("我们" * 8, (2, 2) * 8), ("我", (2,))]
    assert [tuple(vectors.shape) for vectors in encoder.encode_each(long)] == [(16, 32), (16, 2)]
    with pytest.raises(BadText):
        encoder.encode_each([("我们", (2,)), ("我", (2,))])
