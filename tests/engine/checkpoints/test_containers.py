"""What PyTorch and safetensors write is read bit for bit, and anything else is refused in words."""

import os
import random
from collections import OrderedDict

import pytest
import torch
from safetensors.torch import save_file

from engine.checkpoints.containers import FileFormat, detect_format, open_container
from engine.checkpoints.inspection import inspect
from engine.checkpoints.reader import read_checkpoint, read_state, read_value
from engine.protocol.errors import BadCheckpoint, EngineError
from tests.parity.kit.official import foreign_class

_TYPES = (
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16,
    torch.int8, torch.uint8, torch.bool,
)  # fmt: skip


def every_kind():
    source = torch.Generator().manual_seed(0)
    numbers = torch.randn(4, 6, generator=source) * 50
    made = OrderedDict((str(kind), numbers.to(kind)) for kind in _TYPES)
    base = torch.arange(24.0)
    made |= {
        "scalar": torch.tensor(3.5),
        "nothing": torch.zeros(2, 0),
        "turned": numbers.T,
        "rows": base.view(4, 6)[1:3],
        "shared": base[5:9],
        "parameter": torch.nn.Parameter(numbers.clone()),
    }
    return made


def assert_same(found, wanted):
    assert list(found) == list(wanted)
    for name, tensor in wanted.items():
        assert (found[name].dtype, found[name].shape) == (tensor.dtype, tensor.shape), name
        assert torch.equal(found[name], tensor), name


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("protocol", [2, 4])
def test_what_pytorch_writes_is_read_bit_for_bit(folder, zipped, protocol):
    weights = every_kind()
    path = folder / "声.pth"
    with foreign_class("utils", "HParams") as kind:
        settings = kind()
        settings.model = kind()
        settings.model.rates = [[1, 3], (5,)]
        torch.save(
            {"weight": weights, "config": settings, "info": "8epoch"},
            path,
            pickle_protocol=protocol,
            _use_new_zipfile_serialization=zipped,
        )
    assert detect_format(path) is (FileFormat.TORCH_ZIP if zipped else FileFormat.TORCH_LEGACY)
    content = read_checkpoint(path)
    assert_same(content.weights, weights)
    assert content.config == {"model": {"rates": [[1, 3], (5,)]}}
    assert content.info == "8epoch"
    info = inspect(path)
    assert (info.safe, info.tensors) == (True, len(weights))
    assert content.weights["rows"].untyped_storage().data_ptr() == (
        content.weights["shared"].untyped_storage().data_ptr()
    )


def test_what_safetensors_writes_is_read_bit_for_bit(folder):
    weights = {name: tensor.detach().clone().contiguous() for name, tensor in every_kind().items()}
    path = folder / "声.safetensors"
    save_file(weights, path, metadata={"format": "pt"})
    found = read_checkpoint(path).weights
    assert_same({name: found[name] for name in weights}, weights)


def test_a_lightning_file_gives_its_weights_and_configuration(folder, gpt_weights):
    path = folder / "epoch=1-step=4.ckpt"
    with foreign_class("pathlib", "PosixPath") as kind:
        kind.__reduce__ = lambda self: (type(self), ("logs", "声"))
        torch.save(
            {
                "epoch": 1,
                "global_step": 4,
                "pytorch-lightning_version": "2.1.0",
                "state_dict": gpt_weights,
                "loops": {"fit_loop": {"state_dict": {}}},
                "callbacks": {"ModelCheckpoint{'monitor': None}": {"best_model_score": torch.tensor(1.0)}},
                "optimizer_states": [
                    {"state": {0: {"delta": torch.zeros(2, 3)}}, "param_groups": [{"lr": 0.01}]}
                ],
                "lr_schedulers": [{"_last_lr": [0.01]}],
                "hparams_name": "config",
                "hyper_parameters": {"config": {"model": {"head": 16}}, "output_dir": kind()},
            },
            path,
        )
    content = read_checkpoint(path)
    assert_same(content.weights, gpt_weights)
    assert content.config == {"model": {"head": 16}}
    assert content.extras["hyper_parameters"]["output_dir"] == "logs/声"
    assert content.extras["optimizer_states"][0]["state"][0]["delta"].is_meta
    info = inspect(path)
    assert (info.kind, info.version, info.training_state, info.sizes["heads"]) == ("gpt", "v2", True, 16)


def test_a_training_state_of_the_original_is_read_whole(folder, sovits_weights):
    path = folder / "G_233.pth"
    optimizer = {
        "state": {0: {"exp_avg": torch.ones(3)}},
        "param_groups": [{"betas": (0.8, 0.99), "params": [0]}],
    }
    torch.save({"model": sovits_weights, "iteration": 7, "optimizer": optimizer, "learning_rate": 1e-4}, path)
    state = read_state(path)
    assert (state["iteration"], state["learning_rate"]) == (7, 1e-4)
    assert state["optimizer"]["param_groups"][0]["betas"] == (0.8, 0.99)
    assert torch.equal(state["optimizer"]["state"][0]["exp_avg"], torch.ones(3))
    assert_same(state["model"], sovits_weights)


def test_a_single_tensor_is_read(folder):
    torch.save(torch.arange(6).view(2, 3), folder / "a.pt")
    assert read_value(folder / "a.pt").tolist() == [[0, 1, 2], [3, 4, 5]]


def test_nothing_but_the_table_of_contents_is_read_for_an_inspection(folder, gpt_weights):
    path = folder / "a.ckpt"
    torch.save({"weight": gpt_weights, "config": {}, "info": ""}, path)
    with open_container(path) as container:
        assert len(container.content.storages) == len(gpt_weights)
    whole = bytearray(path.read_bytes())
    numbers = gpt_weights["model.ar_predict_layer.weight"].numpy().tobytes()
    place = whole.index(numbers)
    whole[place : place + len(numbers)] = bytes(len(numbers))
    path.write_bytes(whole)
    assert inspect(path).tensors == len(gpt_weights)
    with pytest.raises(BadCheckpoint, match=r"a\.ckpt is damaged.*CRC"):
        read_checkpoint(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(folder):
    os.mkfifo(folder / "pipe.pth")
    with pytest.raises(BadCheckpoint, match=r"pipe\.pth is no ordinary file"):
        inspect(folder / "pipe.pth")


def refusal(step, path):
    try:
        step(path)
    except EngineError as error:
        return error.message
    return None


@pytest.mark.parametrize("form", ["zip", "legacy", "safetensors"])
def test_whatever_happens_to_a_file_is_told_in_words(folder, gpt_weights, form):
    path = folder / "a.pth"
    small = {name: tensor[:2].clone() for name, tensor in gpt_weights.items()}
    if form == "safetensors":
        save_file(small, path, metadata={"gsv_desktop": "1", "config": '{"model": {"head": 2}}'})
    else:
        torch.save(
            {"weight": small, "config": {"model": {"head": 2}}, "info": "x"},
            path,
            _use_new_zipfile_serialization=form == "zip",
        )
    whole = path.read_bytes()
    chance = random.Random(5)
    refused = 0
    for _ in range(150):
        changed = bytearray(whole)
        for _ in range(chance.choice((1, 1, 2, 8))):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        if chance.random() < 0.2:
            del changed[chance.randrange(len(changed)) :]
        path.write_bytes(changed)
        for step in (inspect, read_checkpoint, read_value):
            said = refusal(step, path)
            assert said is None or "a.pth" in said
            refused += said is not None
    assert refused > 50
