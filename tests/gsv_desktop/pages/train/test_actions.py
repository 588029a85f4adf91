import os
from pathlib import Path

from engine.protocol.versions import version
from engine.protocol.workspace import Workspace
from gsv_desktop.pages.train.actions import exported_weights, figures_of, forecast_words


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


def test_the_pace_is_drawn_as_steps_a_second_and_bookkeeping_is_not():
    curves = {"loss": [(1.0, 2.0)], "epoch": [(1.0, 1.0)], "forecast_s": [(3.0, 9.0)], "eta_s": [(1.0, 9.0)]}
    made = figures_of(curves | {"seconds_per_step": [(1.0, 0.5), (2.0, 0.0)]})
    assert made == {"loss": [(1.0, 2.0)], "steps_per_s": [(1.0, 2.0)]}
    assert figures_of({}) == {}


def test_the_forecast_is_told_in_words():
    figures = {"forecast_s": 720.0, "forecast_memory_gb": 3.25}
    assert forecast_words(figures) == "about 12 min, 3.2 GB of memory"
    assert forecast_words(figures | {"forecast_free_gb": 0.7}).endswith("(0.7 GB were left)")
    assert forecast_words({"forecast_s": 9000.0, "forecast_memory_gb": 1}).startswith("about 2.5 h")
    assert forecast_words({"loss": 1.0}) == ""
