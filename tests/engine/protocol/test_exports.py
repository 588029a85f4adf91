from engine.protocol.exports import gpt_exports, sovits_exports
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
