"""FRCRN in the stage `denoise`, with made-up weights in the published form."""

import pickle

import numpy as np
import pytest
import torch

from engine.audio.io import probe, read_audio, write_wav
from engine.dataset.denoise import run
from engine.dataset.frcrn_filter import WEIGHTS, FrcrnFilter
from engine.protocol.context import RecordingContext
from engine.protocol.errors import BadCheckpoint, Cancelled, MissingModel
from engine.protocol.stages.cleaning import DenoiseParameters
from engine.protocol.workspace import Workspace
from tests.engine.models.test_frcrn import weights

RATE_HZ = 16000


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    root = tmp_path_factory.mktemp("frcrn") / "用户 it's 名"
    folder = Workspace(root).denoise_model
    folder.mkdir(parents=True)
    torch.save(weights(), folder / WEIGHTS)
    return root


def hum(seconds, level=0.2):
    return (level * np.sin(np.arange(int(seconds * RATE_HZ)) * 0.05)).astype(np.float32)


def test_every_length_comes_back_whole_and_loudness_makes_no_difference(workspace):
    network = FrcrnFilter(Workspace(workspace).denoise_model)
    for count in (100, 319, 320, 641, 1000):
        assert network.clean(hum(1)[:count]).shape == (count,)
    loud, soft = network.clean(hum(0.5, 0.4)), network.clean(hum(0.5, 0.04))
    assert np.abs(loud).max() > 0.01
    np.testing.assert_allclose(loud, soft * 10, atol=1e-4)


def test_the_stage_takes_it_when_it_is_there_and_keeps_the_rate(workspace):
    write_wav(workspace / "in" / "a 名.wav", hum(0.4), RATE_HZ)
    values = {"input": workspace / "in", "workspace": workspace}
    run(DenoiseParameters(output=workspace / "auto", **values), RecordingContext())
    run(DenoiseParameters(output=workspace / "df", method="deepfilternet", **values), RecordingContext())
    made, other = (read_audio(workspace / name / "a 名.wav", RATE_HZ) for name in ("auto", "df"))
    assert probe(workspace / "auto" / "a 名.wav").rate_hz == RATE_HZ
    assert made.size == other.size == hum(0.4).size
    assert np.abs(made - other).max() > 0.01


def test_a_wish_to_stop_is_heard(workspace):
    def stop():
        raise Cancelled

    with pytest.raises(Cancelled):
        FrcrnFilter(Workspace(workspace).denoise_model).clean(hum(0.2), stop)


def test_a_missing_model_is_named_with_the_way_out(workspace, tmp_path):
    write_wav(tmp_path / "in" / "a.wav", hum(0.2), RATE_HZ)
    with pytest.raises(MissingModel) as caught:
        run(
            DenoiseParameters(
                input=tmp_path / "in", output=tmp_path / "out", method="frcrn", workspace=tmp_path
            ),
            RecordingContext(),
        )
    assert str(Workspace(tmp_path).denoise_model) in caught.value.message
    assert "DeepFilterNet" in caught.value.hint


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (type(self.path).touch, (self.path,))


def test_code_in_the_file_does_not_run(tmp_path):
    (tmp_path / WEIGHTS).write_bytes(pickle.dumps({"a": Bomb(tmp_path / "ran")}, protocol=2))
    with pytest.raises(BadCheckpoint):
        FrcrnFilter(tmp_path)
    assert not (tmp_path / "ran").exists()
