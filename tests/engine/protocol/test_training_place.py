"""Where a training stands, for those who ask before it starts."""

import subprocess
import sys

import pytest

from engine.protocol.launch import worker_environment
from engine.protocol.stages.training import TrainGptParameters, TrainSovitsParameters
from engine.protocol.training_place import (
    PLACE_FILE,
    TrainingPlace,
    states_folder,
    training_place,
    write_place,
)

PLACE = TrainingPlace(epoch=8, position=3, step=99, total_epochs=12, batch_size=4, weights="w.pth")


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    return made


def test_what_was_noted_is_read_back(folder):
    write_place(folder, PLACE)
    assert training_place(folder) is None  # without a state there is nothing to go on from
    (folder / "state_00000099.pt").write_bytes(b"state")
    assert training_place(folder) == PLACE
    assert PLACE.complete(8)
    assert not PLACE.complete(9)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b'{"epoch": -1}', b'{"epoch": 1, "odd": 2}'])
def test_a_broken_note_is_no_note(folder, content):
    (folder / "state_00000099.pt").write_bytes(b"state")
    assert training_place(folder) is None
    (folder / PLACE_FILE).write_bytes(content)
    assert training_place(folder) is None


@pytest.mark.parametrize(
    ("kind", "version", "extra", "name"),
    [
        (TrainGptParameters, "v2", {}, "logs_s1_v2"),
        (TrainGptParameters, "v4", {}, "logs_s1_v4"),
        (TrainSovitsParameters, "v2Pro", {"lora_rank": 64}, "logs_s2_v2Pro"),
        (TrainSovitsParameters, "v3", {"lora_rank": 64}, "logs_s2_v3_lora_64"),
        (TrainSovitsParameters, "v3", {"lora_rank": 0}, "logs_s2_v3"),
    ],
)
def test_the_folder_of_a_training(folder, kind, version, extra, name):
    given = kind(workspace=folder, experiment="声 it's", version=version, **extra)
    assert states_folder(given) == folder / "logs" / "声 it's" / name


def test_the_window_can_ask_without_torch():
    code = "import sys, engine.protocol.training_place as p; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env=worker_environment(), check=False).returncode == 0
