"""Writing weight files: the layout, the configuration class, and never half a file."""

import pickle
import sys
import types
import zipfile

import pytest
import torch

from engine.checkpoints.inspection import inspect
from engine.checkpoints.plain_pickle import read_pickle
from engine.checkpoints.reader import read_checkpoint, read_state
from engine.checkpoints.writer import write_gpt, write_sovits, write_state, write_weights
from engine.protocol.errors import OutOfSpace

_CONFIG = {
    "train": {"epochs": 8, "betas": [0.8, 0.99]},
    "model": {"version": "v2", "rates": [[1, 3], [5]]},
    "name": "x",
}


def _pickle_of(path):
    with zipfile.ZipFile(path) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith("data.pkl")))


def test_gpt_weights_come_back_in_half_precision(folder, gpt_weights):
    path = write_gpt(folder / "voice-e4.ckpt", gpt_weights, {"model": {"n_layer": 2}}, "GPT-e4")
    content = read_checkpoint(path)
    assert (content.info, content.config, content.header) == ("GPT-e4", {"model": {"n_layer": 2}}, b"PK")
    assert {tensor.dtype for tensor in content.weights.values()} == {torch.float16}
    name = "model.bert_proj.weight"
    assert torch.equal(content.weights[name], gpt_weights[name].half())
    full = read_checkpoint(write_gpt(path, gpt_weights, {}, "", half=False))
    assert torch.equal(full.weights[name], gpt_weights[name])


def test_sovits_configuration_is_the_original_class_for_the_original(folder, sovits_weights, monkeypatch):
    path = write_sovits(folder / "voice_e8_s200.pth", sovits_weights, _CONFIG, "8epoch_200iteration")
    assert b"cutils\nHParams\n" in _pickle_of(path)
    assert read_pickle(_pickle_of(path)).refused == ()
    assert not hasattr(sys.modules.get("utils"), "HParams")

    # The original's side: a module `utils` with a class of that name, and an ordinary load.
    class HParams:
        def __init__(self):
            raise AssertionError("not called when unpickled")

    module = types.ModuleType("utils")
    module.HParams = HParams
    monkeypatch.setitem(sys.modules, "utils", module)
    loaded = torch.load(path, weights_only=False)  # noqa: TID251 - as the original does it
    assert isinstance(loaded["config"], HParams)
    assert isinstance(loaded["config"].model, HParams)
    assert loaded["config"].model.version == "v2"
    assert loaded["config"].train.betas == [0.8, 0.99]
    assert loaded["info"] == "8epoch_200iteration"


def test_sovits_weights_come_back_without_the_training_only_part(folder, sovits_weights):
    path = write_sovits(folder / "voice.pth", sovits_weights, _CONFIG, "info")
    content = read_checkpoint(path)
    assert content.config == _CONFIG
    assert set(content.weights) == {name for name in sovits_weights if "enc_q" not in name}


@pytest.mark.parametrize(("header", "version", "lora"), [(b"03", "v3", True), (b"05", "v2Pro", False)])
def test_a_header_replaces_the_magic_and_is_read_back(folder, sovits_weights, header, version, lora):
    rank = 32 if lora else None
    path = write_sovits(folder / "voice.pth", sovits_weights, _CONFIG, "", header=header, lora_rank=rank)
    assert path.read_bytes()[:2] == header
    info = inspect(path)
    assert (info.version, info.lora, info.lora_rank) == (version, lora, rank)
    assert read_checkpoint(path).weights.keys() == {n for n in sovits_weights if "enc_q" not in n}


def test_an_unknown_header_is_our_mistake(folder, sovits_weights):
    with pytest.raises(ValueError, match="header"):
        write_sovits(folder / "voice.pth", sovits_weights, _CONFIG, "", header=b"99")


def test_a_failed_write_leaves_what_was_there(folder, gpt_weights, monkeypatch):
    path = write_gpt(folder / "voice-e4.ckpt", gpt_weights, {}, "first")
    before = path.read_bytes()

    def break_off(payload, file, **_):
        file.write(b"half a file")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", break_off)
    with pytest.raises(OutOfSpace, match=r"voice-e4\.ckpt.*disk is full"):
        write_gpt(path, gpt_weights, {}, "second")
    assert path.read_bytes() == before
    assert [entry.name for entry in folder.iterdir()] == [path.name]


def test_a_folder_that_cannot_be_made_is_named(folder, gpt_weights):
    (folder / "file").write_text("not a folder", encoding="utf-8")
    with pytest.raises(OutOfSpace, match=r"voice\.ckpt"):
        write_gpt(folder / "file" / "voice.ckpt", gpt_weights, {}, "")


def test_a_missing_folder_is_made(folder):
    path = write_state(folder / "logs" / "人 名" / "G_1.pth", {"step": 1})
    assert read_state(path) == {"step": 1}


def test_weights_that_share_memory_or_want_gradients_are_stored_apart(folder):
    base = torch.nn.Parameter(torch.arange(8.0))
    path = write_gpt(folder / "v.ckpt", {"a.weight": base, "b.weight": base[:2]}, {}, "", half=False)
    weights = read_checkpoint(path).weights
    assert weights["b.weight"].tolist() == [0, 1]
    assert weights["b.weight"].untyped_storage().nbytes() == 8
    assert not weights["a.weight"].requires_grad


def test_bare_containers_are_written(folder):
    path = write_weights(folder / "D.pth", {"weight": {"discriminators.0.convs.0.bias": torch.ones(3)}})
    assert read_checkpoint(path).weights["discriminators.0.convs.0.bias"].sum() == 3


def test_a_module_named_utils_of_someone_else_is_left_alone(folder, sovits_weights, monkeypatch):
    other = types.ModuleType("utils")
    monkeypatch.setitem(sys.modules, "utils", other)
    write_sovits(folder / "voice.pth", sovits_weights, _CONFIG, "")
    assert sys.modules["utils"] is other
    assert pickle.Pickler.__module__ == "_pickle"
