import os
from pathlib import Path

from engine.protocol.versions import version
from engine.protocol.workspace import Workspace
from gsv_desktop.pages.train.actions import exported_weights


def test_weights_of_this_experiment_come_newest_first(folder: Path):
    workspace = Workspace(folder)
    gpts = workspace.gpt_weights(version("v2"))
    gpts.mkdir()
    for age, name in enumerate(("me-e8.ckpt", "me-e4.ckpt", "meadow-e4.ckpt", "me-e4.txt")):
        (gpts / name).write_bytes(b"")
        os.utime(gpts / name, (1000 - age, 1000 - age))
    assert [path.name for path in exported_weights(workspace, "train_gpt", "me")] == [
        "me-e8.ckpt",
        "me-e4.ckpt",
    ]
    assert exported_weights(workspace, "train_sovits", "me") == []
