"""Reading weight files: the official layouts, and files that are none or mean harm."""

import io
import os
import pickle
from collections import OrderedDict

import pytest
import torch
from safetensors.torch import save_file

from engine.checkpoints.inspection import ModelKind, inspect
from engine.checkpoints.reader import FileFormat, detect_format, read_checkpoint, read_state
from engine.checkpoints.writer import write_gpt, write_state
from engine.protocol.errors import BadCheckpoint, MissingModel
from tests.parity.kit.official import manifest, write_official


class _Harm:
    """Makes a folder when it is unpickled."""

    def __init__(self, victim):
        self.victim = victim

    def __reduce__(self):
        return (os.mkdir, (self.victim,))


def _write_harmful(path, victim, protocol):
    torch.save({"weight": {"a": torch.zeros(2)}, "config": _Harm(victim)}, path, pickle_protocol=protocol)


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_pickle_that_runs_a_program_is_refused_by_name(folder, protocol):
    victim = folder / "made-by-the-file"
    path = folder / "evil.ckpt"
    _write_harmful(path, str(victim), protocol)
    with pytest.raises(BadCheckpoint, match=rf"evil\.ckpt.*{os.name}\.mkdir"):
        read_checkpoint(path)
    with pytest.raises(BadCheckpoint):
        read_state(path)
    info = inspect(path)
    assert not info.safe
    assert info.refused == (f"{os.name}.mkdir",)
    assert not victim.exists()
    # The file does harm when it is opened carelessly; so the test means something.
    torch.load(path, weights_only=False)  # noqa: TID251
    assert victim.exists()


def test_every_foreign_name_is_listed(folder):
    path = folder / "many.pth"
    torch.save({"weight": {"a": torch.zeros(1)}, "x": io.BytesIO, "y": pickle.Unpickler}, path)
    with pytest.raises(BadCheckpoint) as caught:
        read_checkpoint(path)
    assert "_io.BytesIO" in caught.value.message
    assert "pickle.Unpickler" in caught.value.message
    assert caught.value.hint


def test_an_old_pickle_is_refused_and_not_run(folder):
    victim = folder / "victim"
    path = folder / "legacy.pth"
    path.write_bytes(pickle.dumps(_Harm(str(victim)), protocol=2))
    with pytest.raises(BadCheckpoint, match=rf"legacy\.pth was not opened.*{os.name}\.mkdir"):
        read_checkpoint(path)
    info = inspect(path)
    assert (info.format, info.safe, info.refused) == (FileFormat.TORCH_LEGACY, False, (f"{os.name}.mkdir",))
    assert not victim.exists()


def test_a_missing_file_is_named(folder):
    with pytest.raises(MissingModel, match=r"nowhere\.ckpt"):
        read_checkpoint(folder / "nowhere.ckpt")
    with pytest.raises(MissingModel):
        inspect(folder / "nowhere.ckpt")


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"hello, this is text", b"RIFF\x00\x00\x00\x00WAVE", b"PK\x03\x04rest"]
)
def test_other_files_are_no_weights(folder, content):
    path = folder / "other.pth"
    path.write_bytes(content)
    with pytest.raises(BadCheckpoint, match=r"other\.pth"):
        read_checkpoint(path)
    with pytest.raises(BadCheckpoint, match=r"other\.pth"):
        inspect(path)
    with pytest.raises(BadCheckpoint, match=r"other\.pth"):
        read_state(path)


@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
def test_a_truncated_file_is_damaged(folder, gpt_weights, share):
    path = write_gpt(folder / "voice-e4.ckpt", gpt_weights, {}, "")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(BadCheckpoint, match="damaged or incomplete"):
        read_checkpoint(path)
    with pytest.raises(BadCheckpoint, match="damaged or incomplete"):
        inspect(path)


def test_a_folder_is_no_weight_file(folder):
    with pytest.raises((BadCheckpoint, MissingModel)):
        read_checkpoint(folder)


def test_a_class_that_is_no_weight_is_refused_even_when_torch_allows_it(folder):
    path = folder / "strict.pth"
    torch.save({"weight": {"a": torch.zeros(1)}, "device": torch.device("cpu")}, path)
    with pytest.raises(BadCheckpoint, match=r"torch\.device"):
        read_checkpoint(path)
    with pytest.raises(BadCheckpoint, match=r"torch\.device"):
        read_state(path)


def test_safetensors_are_read_and_inspected(folder, gpt_weights):
    path = folder / "voice.safetensors"
    save_file(dict(gpt_weights), path, metadata={"info": "GPT-e3"})
    assert detect_format(path) is FileFormat.SAFETENSORS
    content = read_checkpoint(path)
    assert torch.equal(content.weights["model.bert_proj.weight"], gpt_weights["model.bert_proj.weight"])
    info = inspect(path)
    assert (info.kind, info.symbol_rows, info.info, info.safe) == (ModelKind.GPT, 732, "GPT-e3", True)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BadCheckpoint):
        read_checkpoint(path)


def test_a_training_state_keeps_its_structure(folder):
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    path = write_state(
        folder / "G_1.pth",
        {
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "step": 3,
            "random": torch.get_rng_state(),
        },
    )
    state = read_state(path)
    assert state["step"] == 3
    assert torch.equal(state["model"]["weight"], model.weight)
    torch.optim.AdamW(torch.nn.Linear(3, 2).parameters()).load_state_dict(state["optimizer"])
    assert inspect(path).training_state


@pytest.mark.parametrize(
    ("variant", "exported", "expected"),
    [
        ("s2_v3_lora", False, ("v3", True, "03", 32)),
        ("s2G_v2Pro", True, ("v2Pro", False, "05", None)),
        ("s2G_v2Pro", False, ("v2Pro", False, "", None)),
    ],
)
def test_headers_and_shapes_tell_the_version(folder, monkeypatch, variant, exported, expected):
    # Shapes are cut in a copy of the key table: the names, not the numbers, matter here.
    facts = manifest(variant)
    small = {
        name: [[min(size, 3) for size in shape], dtype] for name, (shape, dtype) in facts["params"].items()
    }
    small |= {"enc_p.text_embedding.weight": [[732, 2], "float16"]} if "lora" not in variant else {}
    monkeypatch.setattr("tests.parity.kit.official.manifest", lambda _: {**facts, "params": small})
    path = write_official(variant, folder / "voice.pth", half=True, exported=exported)
    assert path.read_bytes()[:2] == (expected[2] or "PK").encode()
    info = inspect(path)
    assert (info.version, info.lora, info.header, info.lora_rank) == expected
    assert info.kind is ModelKind.SOVITS
    assert len(read_checkpoint(path).weights) == info.tensors


def test_bare_state_dicts_are_read(folder):
    path = folder / "pytorch_model.bin"
    torch.save(OrderedDict({"feature_projection.projection.weight": torch.ones(2, 2)}), path)
    assert inspect(path).kind is ModelKind.CONTENT_ENCODER
    assert read_checkpoint(path).weights["feature_projection.projection.weight"].sum() == 4
