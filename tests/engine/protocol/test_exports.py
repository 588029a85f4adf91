import pytest

from engine.protocol.errors import BadParameters
from engine.protocol.exports import (
    epochs_told,
    gpt_exports,
    gpt_name,
    mean_name,
    newest,
    sovits_exports,
    sovits_name,
)
from engine.protocol.versions import version
from engine.protocol.workspace import Workspace


def test_exports_of_an_experiment_come_by_epoch_and_others_stay_out(tmp_path):
    workspace = Workspace(tmp_path / "用户 it's 名")
    v4 = version("v4")
    for folder, names in (
        (workspace.gpt_weights(v4), ("me-e10.ckpt", "me-e5.ckpt", "me-e5.ckpt.bak", "meadow-e5.ckpt")),
        (workspace.sovits_weights(v4), ("me_e8_s40.pth", "me_e2_s10_l32.pth", "me.x_e2_s1.pth", "me_e2.pth")),
    ):
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).write_bytes(b"")
    assert [one.mark for one in gpt_exports(workspace, v4, "me")] == ["e5", "e10"]
    found = sovits_exports(workspace, v4, "me")
    assert [one.mark for one in found] == ["e2-s10-l32", "e8-s40"]
    assert [(one.epoch, one.step, one.rank) for one in found] == [(2, 10, 32), (8, 40, 0)]
    assert gpt_exports(workspace, version("v2"), "me") == ()


def test_a_name_is_no_pattern(tmp_path):
    workspace = Workspace(tmp_path)
    folder = workspace.gpt_weights(version("v2"))
    folder.mkdir()
    (folder / "axb-e1.ckpt").write_bytes(b"")
    assert gpt_exports(workspace, version("v2"), "a.b") == ()


def test_what_is_named_is_found(tmp_path):
    workspace, v3 = Workspace(tmp_path / "用户 it's 名"), version("v3")
    gpt, sovits = workspace.gpt_weights(v3), workspace.sovits_weights(v3)
    for path in (
        gpt / gpt_name("声 1", 3),
        sovits / sovits_name("声 1", 1, 7),
        sovits / sovits_name("声 1", 2, 9, 32),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    assert [one.mark for one in gpt_exports(workspace, v3, "声 1")] == ["e3"]
    assert [one.mark for one in sovits_exports(workspace, v3, "声 1")] == ["e1-s7", "e2-s9-l32"]


def test_a_mean_is_named_after_its_saves_and_found_behind_the_newest(tmp_path):
    workspace, v3 = Workspace(tmp_path / "用户 it's 名"), version("v3")
    gpts, sovits = workspace.gpt_weights(v3), workspace.sovits_weights(v3)
    names = [gpt_name("声 1", 4), gpt_name("声 1", 12), gpt_name("声 1", 8)]
    assert mean_name(names) == "声 1-e12+8+4.ckpt"
    adapters = [sovits_name("声 1", 1, 7, 32), sovits_name("声 1", 2, 14, 32)]
    assert mean_name(adapters) == "声 1_e2_s14_l32+1.pth"
    for folder, files in ((gpts, [*names, mean_name(names)]), (sovits, [*adapters, mean_name(adapters)])):
        folder.mkdir(parents=True)
        for name in files:
            (folder / name).write_bytes(b"")
    found = gpt_exports(workspace, v3, "声 1")
    assert [one.mark for one in found] == ["e4", "e8", "e12", "e12+8+4"]
    assert newest(found).mark == "e12"
    marks = [one.mark for one in sovits_exports(workspace, v3, "声 1")]
    assert marks == ["e1-s7-l32", "e2-s14-l32", "e2-s14-l32+1"]
    assert epochs_told(mean_name(names), 12) == "mean 12+8+4"
    assert epochs_told(adapters[0], 1) == "1"


@pytest.mark.parametrize(
    "names",
    [
        ["me-e4.ckpt"],
        ["me-e4.ckpt", "me-e4.ckpt"],
        ["me-e4.ckpt", "you-e4.ckpt"],
        ["me-e4.ckpt", "me_e4_s9.pth"],
        ["me_e4_s9.pth", "me_e8_s18_l32.pth"],
        ["me-e4.ckpt", "me-e8+4.ckpt"],
        ["me-e4.ckpt", "pretrained.ckpt"],
    ],
)
def test_what_has_no_mean_is_said(names):
    with pytest.raises(BadParameters, match="several saves"):
        mean_name(names)
