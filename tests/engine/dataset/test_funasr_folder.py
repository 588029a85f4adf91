"""FunASR models' folders, read without FunASR's own loader."""

import json
import pickle

import pytest
import torch
import yaml
from torch import nn

from engine.dataset.funasr_folder import load_weights, open_folder
from engine.protocol.errors import BadCheckpoint, MissingModel

NAME = "speech_paraformer"


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "用户 it's 名" / NAME
    made.mkdir(parents=True)
    return made


def write(folder, weights=None, **settings):
    values = {"model": "Paraformer", "model_conf": {"size": 2}} | settings
    (folder / "config.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    torch.save(weights or {}, folder / "model.pt")
    return folder


def test_files_beside_the_settings_are_found(folder):
    for name in ("tokens.json", "seg_dict", "am.mvn"):
        (folder / name).write_text("x", encoding="utf-8")
    opened = open_folder(write(folder, frontend_conf={"fs": 16000, "lfr_m": 7}), NAME)
    assert opened.network == "Paraformer"
    assert opened.settings["tokenizer_conf"] == {
        "token_list": str(folder / "tokens.json"),
        "seg_dict": str(folder / "seg_dict"),
    }
    assert opened.settings["frontend_conf"] == {"fs": 16000, "lfr_m": 7, "cmvn_file": str(folder / "am.mvn")}


def test_the_list_of_files_names_the_weights_but_nothing_outside_the_folder(folder):
    write(folder)
    (folder / "model.pt").rename(folder / "other.pt")
    (folder.parent / "outside.txt").write_text("x", encoding="utf-8")
    named = {"init_param": "other.pt", "tokenizer_conf": {"bpemodel": "../outside.txt", "seg_dict": "gone"}}
    (folder / "configuration.json").write_text(json.dumps({"file_path_metas": named}), encoding="utf-8")
    opened = open_folder(folder, NAME)
    assert opened.weights == folder / "other.pt"
    assert "bpemodel" not in opened.settings["tokenizer_conf"]
    assert "seg_dict" not in opened.settings["tokenizer_conf"]


def test_a_folder_cannot_send_for_code_or_for_other_files(folder):
    write(
        folder,
        trust_remote_code=True,
        remote_code="model.py",
        hub="ms",
        vad_model="fsmn-vad",
        audio_encoder_conf={"hub": "ms", "size": 3},
        ctc_decoder_conf={"init_param_path": "/evil.pt"},
    )
    settings = open_folder(folder, NAME).settings
    assert not {"trust_remote_code", "remote_code", "hub", "vad_model", "init_param"} & settings.keys()
    assert settings["audio_encoder_conf"] == {"size": 3}
    assert settings["ctc_decoder_conf"] == {}


def test_a_missing_folder_is_named_with_where_its_files_come_from(folder):
    with pytest.raises(MissingModel) as caught:
        open_folder(folder / "不在", NAME)
    assert str(folder / "不在") in caught.value.message
    assert NAME in caught.value.hint
    assert "modelscope.cn" in caught.value.hint


def test_missing_weights_are_named(folder):
    write(folder)
    (folder / "model.pt").unlink()
    with pytest.raises(MissingModel, match=r"model\.pt missing"):
        open_folder(folder, NAME)


@pytest.mark.parametrize("content", ["- a list\n", "model: [unclosed\n", "model: OpenAIWhisper\n"])
def test_settings_of_no_known_network_are_refused(folder, content):
    write(folder)
    (folder / "config.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(BadCheckpoint):
        open_folder(folder, NAME)


def network():
    return nn.Sequential(nn.Linear(3, 3), *(nn.Linear(2, 2) for _ in range(6)))


def test_weights_are_taken_over_from_a_wrapped_state(folder):
    torch.manual_seed(1)
    source, target = network(), network()
    state = {f"module.{name}": value for name, value in source.state_dict().items()}
    opened = open_folder(write(folder, {"state_dict": state}), NAME)
    assert load_weights(target, opened) == ()
    assert torch.equal(target[3].weight, source[3].weight)


def test_a_single_absent_weight_is_told_and_many_are_refused(folder):
    state = network().state_dict()
    one_less = {name: value for name, value in state.items() if name != "2.bias"}
    assert load_weights(network(), open_folder(write(folder, one_less), NAME)) == ("2.bias",)
    few = {name: value for name, value in state.items() if name.startswith("2.")}
    with pytest.raises(BadCheckpoint, match="12 of 14"):
        load_weights(network(), open_folder(write(folder, few), NAME))


def test_weights_of_another_size_are_refused(folder):
    state = network().state_dict() | {"0.weight": torch.zeros(5, 3)}
    with pytest.raises(BadCheckpoint, match=r"0\.weight"):
        load_weights(network(), open_folder(write(folder, state), NAME))


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (type(self.path).touch, (self.path,))


def test_code_in_a_weight_file_does_not_run(folder):
    write(folder)
    (folder / "model.pt").write_bytes(pickle.dumps({"a": Bomb(folder / "ran")}, protocol=2))
    with pytest.raises(BadCheckpoint):
        load_weights(network(), open_folder(folder, NAME))
    torch.save({"a": Bomb(folder / "ran")}, folder / "model.pt")
    with pytest.raises(BadCheckpoint):
        load_weights(network(), open_folder(folder, NAME))
    assert not (folder / "ran").exists()
