"""Any weight file becomes one that can hold no code."""

import pytest
import torch
from safetensors import safe_open

from engine.checkpoints.convert import convert
from engine.checkpoints.inspection import inspect
from engine.checkpoints.reader import read_checkpoint
from engine.checkpoints.writer import write_gpt, write_sovits, write_state
from engine.cli import main
from engine.protocol.errors import BadParameters

_CONFIG = {"model": {"version": "v4", "rates": [[1, 3]]}, "name": "用户"}


def test_the_command_writes_what_other_programs_open(folder, sovits_weights, capsys):
    source = write_sovits(folder / "a.pth", sovits_weights, _CONFIG, "8epoch", header=b"04", lora_rank=16)
    target = folder / "声.safetensors"
    assert main(["convert", str(source), str(target)]) == 0
    assert capsys.readouterr().out.strip() == str(target)
    with safe_open(target, "pt") as file:
        assert set(file.keys()) == {name for name in sovits_weights if "enc_q" not in name}
        assert file.get_tensor("dec.conv_pre.weight").dtype == torch.float16
        assert file.metadata()["version"] == "v4"
    info = inspect(target)
    assert (info.version, info.lora, info.lora_rank, info.info) == ("v4", True, 16, "8epoch")
    assert read_checkpoint(target).config == _CONFIG


def test_of_a_training_state_only_the_weights_are_taken(folder, gpt_weights):
    state = {"model": gpt_weights, "optimizer": {"state": {0: torch.ones(3)}}, "iteration": 3}
    source = write_state(folder / "G_3.pth", state)
    target = convert(source, folder / "a.safetensors")
    assert inspect(source).training_state
    assert not inspect(target).training_state
    found = read_checkpoint(target).weights
    assert all(torch.equal(found[name], tensor) for name, tensor in gpt_weights.items())


def test_another_form_is_not_written(folder, gpt_weights):
    source = write_gpt(folder / "a.ckpt", gpt_weights, {}, "")
    with pytest.raises(BadParameters, match=r"b\.pth"):
        convert(source, folder / "b.pth")
    assert not (folder / "b.pth").exists()
