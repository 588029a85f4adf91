"""The GPT at a tiny size: cache, padding, loss, and its weight file."""

import copy

import pytest
import torch

from engine.checkpoints.inspection import ModelKind, inspect
from engine.checkpoints.writer import write_gpt, write_sovits
from engine.models.gpt import Gpt, GptConfig, RejectedSequences, export_gpt, load_gpt
from engine.protocol.errors import BadCheckpoint, MissingModel

CONFIG = GptConfig(
    layers=2, width=32, heads=4, phoneme_rows=40, semantic_rows=21, eos_token=20, bert_channels=6
)


@pytest.fixture
def gpt():
    torch.manual_seed(3)
    return Gpt(CONFIG).eval()


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    return made


def _text(rows, count, seed=0):
    chance = torch.Generator().manual_seed(seed)
    phones = torch.randint(1, 40, (rows, count), generator=chance)
    return phones, torch.randn(rows, 6, count, generator=chance)


def _tokens(rows, count, seed=1):
    return torch.randint(0, 20, (rows, count), generator=torch.Generator().manual_seed(seed))


def test_the_state_has_the_official_names():
    official = set(Gpt(GptConfig(layers=1)).state_dict())
    assert official == {
        "bert_proj.weight",
        "bert_proj.bias",
        "ar_text_embedding.word_embeddings.weight",
        "ar_text_position.alpha",
        "ar_audio_embedding.word_embeddings.weight",
        "ar_audio_position.alpha",
        *(
            f"h.layers.0.{name}.{kind}"
            for name in ("self_attn.out_proj", "linear1", "linear2", "norm1", "norm2")
            for kind in ("weight", "bias")
        ),
        "h.layers.0.self_attn.in_proj_weight",
        "h.layers.0.self_attn.in_proj_bias",
        "ar_predict_layer.weight",
    }


@torch.no_grad()
def test_decoding_step_by_step_equals_reading_all_at_once(gpt):
    phones, bert = _text(2, 7)
    tokens = _tokens(2, 300)  # longer than the room that a cache starts with
    logits, cache = gpt.prefill(phones, bert, tokens[:, :3])
    for place in range(3, 300):
        logits = gpt.step(tokens[:, place], cache)
    at_once, _ = gpt.prefill(phones, bert, tokens)
    torch.testing.assert_close(logits, at_once, atol=1e-4, rtol=1e-4)
    assert cache.tokens == 300


@torch.no_grad()
def test_a_padded_text_gets_the_logits_it_gets_alone(gpt):
    phones, bert = _text(2, 9)
    lengths = torch.tensor([9, 5])
    tokens = _tokens(2, 4)
    for prompt in (tokens, None):
        logits, cache = gpt.prefill(phones, bert, prompt, lengths)
        alone, own = gpt.prefill(phones[1:, :5], bert[1:, :, :5], None if prompt is None else prompt[1:])
        torch.testing.assert_close(logits[1:], alone, atol=1e-5, rtol=1e-4)
        together = gpt.step(torch.tensor([4, 5]), cache)
        torch.testing.assert_close(together[1:], gpt.step(torch.tensor([5]), own), atol=1e-5, rtol=1e-4)
        cache.select(torch.tensor([1]))
        torch.testing.assert_close(
            gpt.step(torch.tensor([6]), cache), gpt.step(torch.tensor([6]), own), atol=1e-5, rtol=1e-4
        )


@torch.no_grad()
def test_a_token_does_not_see_the_future_nor_the_text_a_token(gpt):
    phones, bert = _text(1, 6)
    tokens = _tokens(1, 5)
    lengths = torch.tensor([6]), torch.tensor([5])
    before, _ = gpt._teacher_forced(phones, lengths[0], tokens, lengths[1], bert)
    changed = tokens.clone()
    changed[0, 3] = (changed[0, 3] + 1) % 20
    after, _ = gpt._teacher_forced(phones, lengths[0], changed, lengths[1], bert)
    assert torch.equal(before[:, :4], after[:, :4])
    assert not torch.allclose(before[:, 4], after[:, 4])


@torch.no_grad()
def test_the_loss_does_not_depend_on_padding_of_the_text(gpt):
    phones, bert = _text(2, 9)
    tokens = _tokens(2, 8)
    lengths, counts = torch.tensor([9, 4]), torch.tensor([8, 6])
    loss = gpt.loss(phones, lengths, tokens, counts, bert).loss
    other = phones.clone()
    other[1, 4:] = 0
    noisy = bert.clone()
    noisy[1, :, 4:] = 7.0
    torch.testing.assert_close(gpt.loss(other, lengths, tokens, counts, noisy).loss, loss)
    behind = tokens.clone()
    behind[1, 6:] = 3  # behind the row's end: replaced by end marks
    torch.testing.assert_close(gpt.loss(phones, lengths, behind, counts, bert).loss, loss)


def test_training_lowers_the_loss_and_uses_dropout(gpt):
    torch.manual_seed(0)
    phones, bert = _text(2, 6)
    tokens = _tokens(2, 10)
    batch = (phones, torch.tensor([6, 6]), tokens, torch.tensor([10, 8]), bert)
    optimizer = torch.optim.AdamW(gpt.parameters(), lr=3e-3)
    gpt.train()
    assert gpt.loss(*batch).loss != gpt.loss(*batch).loss
    first = gpt.loss(*batch).loss.item()
    for _ in range(60):
        optimizer.zero_grad()
        result = gpt.loss(*batch)
        result.loss.backward()
        optimizer.step()
    assert result.loss.item() < 0.5 * first
    assert all(parameter.grad is not None for parameter in gpt.parameters())
    gpt.eval()
    assert gpt.loss(*batch).accuracy > 0.9
    assert gpt.loss(*batch).loss == gpt.loss(*batch).loss


def test_rejected_sequences_add_a_preference(gpt):
    phones, bert = _text(2, 6)
    tokens = _tokens(2, 10)
    batch = (phones, torch.tensor([6, 5]), tokens, torch.tensor([10, 8]), bert)
    plain = gpt.loss(*batch)
    rejected = RejectedSequences(semantic=_tokens(2, 12, seed=9), lengths=torch.tensor([12, 7]))
    both = gpt.loss(*batch, rejected)
    margin = both.chosen_log_probability - both.rejected_log_probability
    expected = plain.loss - torch.nn.functional.logsigmoid(0.2 * margin).mean()
    torch.testing.assert_close(both.loss, expected)
    torch.testing.assert_close(both.cross_entropy, plain.loss)
    assert both.rejected_log_probability.requires_grad


def test_an_exported_file_comes_back(gpt, folder):
    path = export_gpt(folder / "声音-e4.ckpt", gpt, "GPT-e4", {"train": {"epochs": 4}})
    info = inspect(path)
    assert (info.kind, info.info, info.dtype) == (ModelKind.GPT, "GPT-e4", "float16")
    loaded = load_gpt(path)
    assert loaded.config == CONFIG
    assert not loaded.training
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}
    for name, tensor in gpt.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor.half().float()), name
    assert all(parameter.requires_grad for parameter in loaded.parameters())
    copy.deepcopy(loaded)


def test_configuration_survives_the_file_layout():
    assert GptConfig.from_checkpoint(CONFIG.to_checkpoint()) == CONFIG
    assert GptConfig.from_checkpoint(GptConfig().to_checkpoint()) == GptConfig()
    with pytest.raises(BadCheckpoint, match="n_layer"):
        GptConfig.from_checkpoint({"model": {}})
    with pytest.raises(BadCheckpoint):
        GptConfig.from_checkpoint({})
    endless = GptConfig().to_checkpoint()
    endless["model"]["n_layer"] = 10**9
    with pytest.raises(BadCheckpoint, match="1000000000 layers"):
        GptConfig.from_checkpoint(endless)
    with pytest.raises(ValueError, match="heads"):
        GptConfig(width=30, heads=4)


def test_files_that_do_not_fit_are_named_with_what_is_wrong(gpt, folder):
    with pytest.raises(MissingModel, match=r"nothing\.ckpt"):
        load_gpt(folder / "nothing.ckpt")
    other = folder / "voice.pth"
    write_sovits(other, {"enc_p.text_embedding.weight": torch.ones(732, 2)}, {}, "")
    with pytest.raises(BadCheckpoint, match=r"voice\.pth holds sovits weights"):
        load_gpt(other)
    weights = {f"model.{name}": tensor for name, tensor in gpt.state_dict().items()}
    short = {name: tensor for name, tensor in weights.items() if "norm1" not in name}
    path = write_gpt(folder / "short.ckpt", short, CONFIG.to_checkpoint(), "")
    with pytest.raises(BadCheckpoint, match=r"short\.ckpt.*norm1\.weight is missing"):
        load_gpt(path)
    weights["model.h.layers.0.linear1.bias"] = torch.zeros(5)
    path = write_gpt(folder / "shape.ckpt", weights, CONFIG.to_checkpoint(), "")
    with pytest.raises(BadCheckpoint, match=r"linear1\.bias is \[5\] instead of \[128\]"):
        load_gpt(path)
    path = write_gpt(folder / "bare.ckpt", weights, {}, "")
    with pytest.raises(BadCheckpoint, match="configuration"):
        load_gpt(path)
