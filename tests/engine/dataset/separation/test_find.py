"""Models are found by name, and what files beside them say of them is read."""

import hashlib
import json

import pytest

from engine.dataset.separation.find import Family, find_model
from engine.protocol.errors import BadParameters, MissingModel
from engine.protocol.separation_models import separation_models


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "用户 it's 名"
    (made / "onnx_dereverb_By_FoxJoy").mkdir(parents=True)
    for name in ("HP2.pth", "bs 名.ckpt", "Kim.onnx", "onnx_dereverb_By_FoxJoy/vocals.onnx", "notes.txt"):
        (made / name).write_bytes(name.encode())
    return made


def test_the_folder_lists_its_models(folder):
    assert list(separation_models(folder)) == ["bs 名", "HP2", "Kim", "onnx_dereverb_By_FoxJoy"]
    assert separation_models(folder / "gone") == {}


@pytest.mark.parametrize(
    ("given", "name", "family"),
    [
        ("HP2", "HP2", Family.VR),
        ("HP2.pth", "HP2", Family.VR),
        ("bs 名", "bs 名", Family.ROFORMER),
        ("Kim", "Kim", Family.MDX),
        ("onnx_dereverb_By_FoxJoy", "onnx_dereverb_By_FoxJoy", Family.MDX),
    ],
)
def test_names_and_paths_lead_to_the_same_file(folder, tmp_path, given, name, family):
    found = find_model(given, folder)
    assert (found.name, found.family) == (name, family)
    assert find_model(str(found.path), tmp_path / "elsewhere").path == found.path


def test_the_folder_of_an_onnx_model_may_be_typed(folder, tmp_path):
    found = find_model(str(folder / "onnx_dereverb_By_FoxJoy"), tmp_path)
    assert (found.name, found.path.name) == ("onnx_dereverb_By_FoxJoy", "vocals.onnx")


def test_what_is_missing_is_said_with_what_is_there(folder):
    with pytest.raises(MissingModel, match="'HP9'") as caught:
        find_model("HP9", folder)
    assert "HP2" in caught.value.hint
    with pytest.raises(BadParameters, match=r"notes\.txt is no model"):
        find_model("notes.txt", folder)


def test_a_file_beside_it_goes_before_the_tables(folder):
    mark = hashlib.md5(b"HP2.pth", usedforsecurity=False).hexdigest()
    (folder / "model_data.json").write_text(json.dumps({mark: {"primary_stem": "Vocals"}}), encoding="utf-8")
    found = find_model("HP2", folder)
    assert found.finds_voice(default=False)
    assert found.settings == (folder / "model_data.json",)
    (folder / "HP2.json").write_text('{"primary_stem": "Instrumental"}', encoding="utf-8")
    assert not find_model("HP2", folder).finds_voice(default=True)
    (folder / "HP2.json").write_text("[]", encoding="utf-8")
    with pytest.raises(BadParameters, match=r"HP2\.json cannot be read"):
        find_model("HP2", folder)
