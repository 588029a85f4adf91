"""The training of v3 and v4 as a stage: real files in, an official adapter out, which speaks."""

from dataclasses import replace

import pytest
import torch

from engine.checkpoints.inspection import inspect
from engine.checkpoints.reader import read_checkpoint, read_state
from engine.models.flow_network import FLOW_VERSIONS
from engine.models.flow_sovits import export_flow_sovits, load_flow_sovits
from engine.models.sovits_network import StyleReference
from engine.protocol.context import RecordingContext
from engine.protocol.errors import BadCheckpoint, Cancelled
from engine.protocol.stages.training import TrainSovitsParameters
from engine.train import flow_sovits, sovits
from engine.train.sovits_data import SovitsBatch
from tests.engine.models.tiny_flow import tiny_flow
from tests.engine.train.experiments import NAMES, SOVITS_SIZES, prepare
from tests.engine.train.test_loop import StopsAt, losses


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    monkeypatch.setattr(flow_sovits, "repeated", lambda count, _: list(range(count)))  # two steps an epoch
    made = prepare(tmp_path)
    export_flow_sovits(tiny_flow("v4", encoder=SOVITS_SIZES), made.generator, info="start")
    return made


def train(prepared, context=None, **changes):
    given = {
        "workspace": prepared.workspace,
        "experiment": prepared.name,
        "version": "v4",
        "pretrained_generator": prepared.generator,
        "total_epochs": 1,
        "batch_size": 3,
        "lora_rank": 4,
        "device": "cpu",
    }
    context = context or RecordingContext()
    return sovits.run(TrainSovitsParameters(**given | changes), context), context


def _states(prepared):
    folder = prepared.experiment.folder / "logs_s2_v4_lora_4"
    return read_state(max(folder.glob("state_*.pt")))["parts"]


def speak(network):
    """A mel of nine codes, from the same chance each time."""
    chance = torch.Generator().manual_seed(1)
    style = network.mean_style([StyleReference(spectrogram=torch.rand(1, 1025, 30, generator=chance))])
    codes, phones = torch.arange(9)[None], torch.arange(1, 7)[None]
    condition = network.condition(codes, phones, style)
    heard = torch.randn(1, 100, 40, generator=chance).clamp(-9, 0)
    (mel,) = network.make_mel(condition, network.mel_prompt(heard, codes, phones, style), generator=chance)
    assert mel.shape == (1, 100, 36)
    assert torch.isfinite(mel).all()
    return mel


def test_it_ends_with_an_adapter_that_speaks(prepared):
    result, context = train(prepared, save_memory=True)
    path = prepared.workspace / "SoVITS_weights_v4" / f"{prepared.name}_e1_s2_l4.pth"
    assert [one.path for one in result.artifacts] == [str(path.resolve())]
    about = inspect(path)
    assert (about.version, about.lora, about.lora_rank, about.info) == ("v4", True, 4, "1epoch_2iteration")
    assert {"loss", "grad_norm", "learning_rate"} <= set(context.metrics[0][1])
    voice = load_flow_sovits(path, prepared.generator)
    base = load_flow_sovits(prepared.generator)
    assert not torch.equal(speak(voice), speak(base))


@pytest.fixture
def other(tmp_path):
    """The same experiment and pretrained weights elsewhere."""
    made = prepare(tmp_path / "undisturbed")
    export_flow_sovits(tiny_flow("v4", encoder=SOVITS_SIZES), made.generator, info="start")
    return made


def test_the_whole_network_is_trained_goes_on_bit_for_bit_and_speaks(prepared, other):
    whole = {"lora_rank": 0, "total_epochs": 2}  # the official number of epochs
    _, undisturbed = train(other, **whole)
    first = StopsAt(1)
    with pytest.raises(Cancelled):
        train(prepared, first, **whole)
    result, second = train(prepared, **whole)
    assert losses(first) + losses(second) == losses(undisturbed)
    states = prepared.experiment.folder / "logs_s2_v4"
    learnt = read_state(max(states.glob("state_*.pt")))["parts"]["learnt"]
    assert {name.split(".")[0] for name in learnt} == {"ref_enc", "bridge", "wns1", "linear_mel", "cfm"}
    assert not [name for name in learnt if ".lora_" in name]
    path = prepared.workspace / "SoVITS_weights_v4" / f"{prepared.name}_e2_s4.pth"
    assert [one.path for one in result.artifacts] == [str(path.resolve())]
    twin = other.workspace / "SoVITS_weights_v4" / path.name
    assert path.read_bytes() == twin.read_bytes()
    about, start = inspect(path), read_checkpoint(prepared.generator).weights
    assert (about.version, about.lora, about.info) == ("v4", False, "2epoch_4iteration")
    stored = read_checkpoint(path).weights
    assert {name: tensor.shape for name, tensor in stored.items()} == {
        name: tensor.shape for name, tensor in start.items()
    }
    moved = {name for name in start if not torch.equal(start[name], stored[name])}
    assert {name.split(".")[0] for name in moved} >= {"bridge", "wns1", "cfm"}
    assert not [name for name in moved if name.startswith(("enc_p.", "ssl_proj.", "quantizer."))]
    flow = {name for name in start if name.startswith("cfm.") and name.endswith(".weight")}
    assert len(flow & moved) > 0.9 * len(flow)
    voice, base = load_flow_sovits(path), load_flow_sovits(prepared.generator)  # without a base
    assert not torch.equal(speak(voice), speak(base))


def test_the_whole_network_of_the_third_version_learns(tmp_path, monkeypatch):
    monkeypatch.setattr(flow_sovits, "repeated", lambda count, _: list(range(count)))
    prepared = prepare(tmp_path)
    export_flow_sovits(tiny_flow("v3", encoder=SOVITS_SIZES), prepared.generator, info="start")
    _, context = train(prepared, version="v3", lora_rank=0, total_epochs=6, learning_rate=3e-3)
    course = losses(context)
    assert sum(course[-4:]) < 0.8 * sum(course[:4])


def test_the_frozen_parts_are_neither_changed_nor_saved(prepared):
    train(prepared)
    learnt = _states(prepared)["learnt"]
    assert {name.split(".")[0] for name in learnt} == {"ref_enc", "bridge", "wns1", "linear_mel", "cfm"}
    assert not [name for name in learnt if name.startswith("cfm.") and ".lora_" not in name]
    start = read_checkpoint(prepared.generator).weights
    after = load_flow_sovits(
        prepared.workspace / "SoVITS_weights_v4" / f"{prepared.name}_e1_s2_l4.pth", prepared.generator
    ).state_dict()
    moved = {name.split(".")[0] for name in start if not torch.equal(start[name].float(), after[name])}
    assert moved == {"bridge", "wns1", "cfm"}


def test_stop_and_go_on_bit_for_bit(prepared, other):
    _, whole = train(other, total_epochs=2)
    first = StopsAt(1)
    with pytest.raises(Cancelled):
        train(prepared, first, total_epochs=2)
    _, second = train(prepared, total_epochs=2)
    assert losses(first) + losses(second) == losses(whole)
    wanted, got = _states(other)["learnt"], _states(prepared)["learnt"]
    assert all(torch.equal(wanted[name], got[name]) for name in wanted)


def test_it_learns(prepared):
    _, context = train(prepared, total_epochs=6, learning_rate=1e-2)
    course = [one["loss"] for _, one in context.metrics]
    assert sum(course[-4:]) < 0.8 * sum(course[:4])


def test_an_adapter_is_no_start(prepared):
    train(prepared)
    path = prepared.workspace / "SoVITS_weights_v4" / f"{prepared.name}_e1_s2_l4.pth"
    with pytest.raises(BadCheckpoint, match="is an adapter"):
        train(prepared, pretrained_generator=path)
    with pytest.raises(BadCheckpoint, match="of v4, not of v3"):
        train(prepared, version="v3")


def test_clips_beyond_twenty_seconds_are_left_out_by_name(prepared, monkeypatch):
    real = flow_sovits.sovits_items

    def one_is_long(*given):
        items, skipped = real(*given)
        return [replace(items[0], frames=1001), *items[1:]], skipped

    monkeypatch.setattr(flow_sovits, "sovits_items", one_is_long)
    result, _ = train(prepared)
    assert [(one.name, one.reason) for one in result.skipped] == [(NAMES[0], "it is longer than 20 s")]


@pytest.mark.parametrize(("version", "frames", "mel"), [("v3", 40, 75), ("v4", 34, 68)])
def test_the_mel_has_the_rate_of_the_version_and_ends_with_the_clip(version, frames, mel):
    lengths = torch.tensor([33, 20])
    wave = torch.zeros(2, 1, 34 * 640)
    for row, length in enumerate(lengths.tolist()):
        wave[row, :, : length * 640] = torch.rand(length * 640) - 0.5
    clips = SovitsBatch(
        ssl=torch.ones(2, 12, 34),
        spectrogram=torch.ones(2, 1025, 34),
        frames=lengths,
        wave=wave,
        phones=torch.ones(2, 3, dtype=torch.long),
        phone_lengths=torch.tensor([3, 2]),
    )
    made = flow_sovits.flow_batch(clips, FLOW_VERSIONS[version], SOVITS_SIZES)
    assert made.mel.shape == (2, 100, mel)
    assert made.clips.spectrogram.shape[2] == made.clips.ssl.shape[2] == frames
    assert made.mel_lengths.tolist() == [int(length * mel / frames) for length in (33, 20)]
    assert (made.mel[1, :, made.mel_lengths[1] :] == 0).all()
    assert made.mel[1, :, : made.mel_lengths[1]].abs().min() > 0
