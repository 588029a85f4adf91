from pathlib import Path

import pytest
import torch

from engine.checkpoints.average import average, run
from engine.checkpoints.inspection import inspect
from engine.checkpoints.reader import read_checkpoint
from engine.checkpoints.writer import write_gpt, write_sovits
from engine.models.gpt import Gpt, export_gpt, load_gpt
from engine.models.sovits import Sovits, export_sovits, load_sovits
from engine.protocol.context import RecordingContext
from engine.protocol.errors import BadCheckpoint, BadParameters, MissingModel
from engine.protocol.stages.averaging import AverageParameters
from tests.engine.infer.voices import GPT, SOVITS


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "用户 it's 名"
    made.mkdir()
    return made


def gpts(folder, count=3):
    made = []
    for epoch in range(1, count + 1):
        torch.manual_seed(epoch)
        made.append(export_gpt(folder / f"声-e{epoch}.ckpt", Gpt(GPT), f"GPT-e{epoch}"))
    return made


def test_the_mean_of_gpt_saves_is_a_gpt_that_loads(folder):
    paths = gpts(folder)
    out = average(paths, folder / "mean.ckpt")
    found = read_checkpoint(out)
    parts = [read_checkpoint(path).weights for path in paths]
    for name, value in found.weights.items():
        if value.is_floating_point():
            wanted = torch.stack([part[name].float() for part in parts]).mean(dim=0)
            torch.testing.assert_close(value.float(), wanted, atol=2e-3, rtol=2e-3)
            assert value.dtype == parts[0][name].dtype
    assert found.config == read_checkpoint(paths[-1]).config
    assert "mean of 3" in found.info
    load_gpt(out)


def test_the_mean_of_sovits_saves_keeps_header_and_kind(folder):
    paths = []
    for epoch in (1, 2):
        torch.manual_seed(epoch)
        paths.append(export_sovits(Sovits(SOVITS), folder / f"声_e{epoch}_s1.pth", info="x"))
    out = average(paths, folder / "mean.pth")
    assert out.read_bytes()[:2] == paths[0].read_bytes()[:2]
    before, after = inspect(paths[0]), inspect(out)
    assert (after.kind, after.version, after.dtype) == (before.kind, before.version, before.dtype)
    load_sovits(out)


def test_a_file_averaged_with_itself_stays_the_same_and_whole_numbers_are_the_last_ones(folder):
    for number in (1, 2):
        weights = {"model.a": torch.tensor([1.5, 2.5]), "model.n": torch.tensor([number])}
        write_gpt(folder / f"{number}.ckpt", _complete(weights, folder), {"data": 1}, "x")
    out = average([folder / "1.ckpt", folder / "2.ckpt"], folder / "mean.ckpt")
    found = read_checkpoint(out).weights
    assert found["model.a"].tolist() == [1.5, 2.5]
    assert found["model.n"].tolist() == [2]


def _complete(weights, folder):
    """Beside those of a real GPT, so that the file is known for one."""
    (path,) = gpts(folder, 1)
    return read_checkpoint(path).weights | weights


def test_files_that_do_not_belong_together_are_refused(folder):
    one, other, _ = gpts(folder)
    sovits = export_sovits(Sovits(SOVITS), folder / "声_e1_s1.pth", info="x")
    with pytest.raises(BadCheckpoint, match="another kind"):
        average([one, sovits], folder / "mean.ckpt")
    smaller = read_checkpoint(other)
    name = next(name for name, value in smaller.weights.items() if value.dim() == 2)
    smaller.weights[name] = smaller.weights[name][:, :-1]
    write_gpt(other, smaller.weights, smaller.config, "x")
    with pytest.raises(BadCheckpoint, match="other sizes"):
        average([one, other], folder / "mean.ckpt")
    assert not (folder / "mean.ckpt").exists()
    write_sovits(folder / "none.pth", {"a": torch.ones(1)}, {}, "x")
    with pytest.raises(BadCheckpoint, match="neither GPT nor SoVITS"):
        average([folder / "none.pth", folder / "none.pth"], folder / "mean.pth")


def test_what_is_asked_must_make_sense(folder):
    one, other, _ = gpts(folder)
    with pytest.raises(BadParameters):
        average([one], folder / "mean.ckpt")
    with pytest.raises(BadParameters, match="one of the files"):
        average([one, other], one)
    with pytest.raises(MissingModel):
        average([one, folder / "gone.ckpt"], folder / "mean.ckpt")


def test_the_stage_puts_the_mean_beside_the_saves_whatever_their_order(folder):
    first, second, third = gpts(folder)
    context = RecordingContext()
    result = run(AverageParameters(files=(third, first, second)), context)
    out = folder / "声-e3+2+1.ckpt"
    assert context.artifacts == [("weights", out)]
    assert [Path(part.path) for part in result.artifacts] == [out]
    assert read_checkpoint(out).info.endswith("声-e1, 声-e2, 声-e3")
    load_gpt(out)
    with pytest.raises(BadParameters, match="several saves"):
        run(AverageParameters(files=(first, first)), context)
