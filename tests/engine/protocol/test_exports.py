from engine.protocol.exports import gpt_exports, gpt_name, sovits_exports, sovits_name
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
