"""SoVITS' training as a stage: real files in, official weights out."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine.checkpoints.inspection import ModelKind, inspect
from engine.checkpoints.manner import read_manner
from engine.checkpoints.reader import read_checkpoint, read_state
from engine.checkpoints.writer import write_weights
from engine.models.sovits import StyleReference, load_sovits
from engine.protocol.context import RecordingContext
from engine.protocol.errors import (
    BadCheckpoint,
    BadParameters,
    Cancelled,
    MissingModel,
    NothingToDo,
)
from engine.protocol.stages.training import TrainSovitsParameters
from engine.train import sovits
from tests.engine.train.experiments import NAMES, PRO_SIZES, SOVITS_SIZES, prepare
from tests.engine.train.test_loop import StopsAt, losses


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    monkeypatch.setattr(sovits, "repeated", lambda count, _: list(range(count)))  # two steps an epoch
    return prepare(tmp_path)


def train(prepared, context=None, **changes):
    given = {
        "workspace": prepared.workspace,
        "experiment": prepared.name,
        "pretrained_generator": prepared.generator,
        "pretrained_discriminator": prepared.discriminator,
        "total_epochs": 2,
        "batch_size": 3,
        "device": "cpu",
    }
    context = context or RecordingContext()
    return sovits.run(TrainSovitsParameters(**given | changes), context), context


def last_parts(prepared):
    return read_state(max((prepared.experiment.folder / "logs_s2_v2").glob("state_*.pt")))["parts"]


def test_two_epochs_end_with_official_weights(prepared):
    result, context = train(prepared)
    path = prepared.workspace / "SoVITS_weights_v2" / f"{prepared.name}_e2_s4.pth"
    assert [one.path for one in result.artifacts] == [str(path.resolve())]
    about = inspect(path)
    assert (about.kind, about.version, about.safe, about.dtype) == (ModelKind.SOVITS, "v2", True, "float16")
    assert about.info == "2epoch_4iteration"
    stored, start = read_checkpoint(path), read_checkpoint(prepared.generator)
    assert set(stored.weights) == {name for name in start.weights if not name.startswith("enc_q.")}
    assert stored.config["data"]["sampling_rate"] == 32000
    assert stored.config["model"]["version"] == "v2"
    trained = load_sovits(path).state_dict()
    generator = last_parts(prepared)["generator"]
    assert all(torch.equal(trained[name], generator[name].half().float()) for name in trained)
    parts = {"mel", "kl", "features", "generator", "discriminator"}
    assert {f"loss_{name}" for name in parts} | {"grad_norm", "learning_rate"} <= set(context.metrics[0][1])
    rates = [one["learning_rate"] for _, one in context.metrics]
    assert rates == pytest.approx([1e-4, 1e-4, 1e-4 * 0.999875, 1e-4 * 0.999875], rel=1e-9)


def test_the_codebook_stays_and_everything_else_moves(prepared):
    train(prepared, total_epochs=1)
    before = load_sovits(prepared.generator).state_dict()
    after = last_parts(prepared)["generator"]
    fixed = {name for name in before if torch.equal(before[name], after[name])}
    assert {name for name in fixed if name.startswith(("ssl_proj.", "quantizer."))}
    assert not [name for name in fixed if not name.startswith(("ssl_proj.", "quantizer."))]
    judges = read_checkpoint(prepared.discriminator).weights
    moved = last_parts(prepared)["discriminators"]
    assert not [name for name in judges if torch.equal(judges[name], moved[name])]


def test_it_learns_without_judges_until_they_are_let_in(prepared):
    _, context = train(prepared, total_epochs=10, learning_rate=1e-3, adversarial_from_step=19)
    course = [one["loss_mel"] for _, one in context.metrics]
    assert sum(course[-4:]) < 0.6 * sum(course[:4])
    assert ["loss_discriminator" in one for _, one in context.metrics] == [False] * 19 + [True]


def test_stop_and_go_on_bit_for_bit(prepared, tmp_path):
    other = prepare(tmp_path / "undisturbed")
    _, whole = train(other)
    first = StopsAt(1)
    with pytest.raises(Cancelled):
        train(prepared, first)
    _, second = train(prepared)
    assert losses(first) + losses(second) == losses(whole)
    wanted, got = last_parts(other), last_parts(prepared)
    for part in ("generator", "discriminators"):
        assert all(torch.equal(wanted[part][name], got[part][name]) for name in wanted[part])


def test_the_text_parts_learn_slower():
    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.enc_p = torch.nn.ModuleDict(
                {name: torch.nn.Linear(1, 1) for name in ("text_embedding", "encoder_text", "mrte", "proj")}
            )
            self.dec, self.ssl_proj = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1).requires_grad_(False)

    groups = sovits.rate_groups(Network(), 1e-3, 0.4)
    assert [(len(group["params"]), group["lr"]) for group in groups] == [(4, 1e-3), *[(2, 4e-4)] * 3]
    assert [group["share"] for group in groups] == [1.0, 0.4, 0.4, 0.4]


def test_judges_are_made_where_there_are_none(prepared):
    missing = prepared.workspace / "no s2D.pth"
    _, context = train(prepared, total_epochs=1, pretrained_discriminator=missing)
    assert any(str(missing) in text for level, text in context.lines if level == "warning")
    assert "loss_discriminator" in context.metrics[0][1]


def test_who_begins_from_an_export_is_warned(prepared):
    result, whole = train(prepared, total_epochs=1)
    export = next(one.path for one in result.artifacts if one.kind == "weights")
    _, partial = train(prepared, total_epochs=2, pretrained_generator=export)
    told = [
        [text for level, text in context.lines if level == "warning" and "exported for speaking" in text]
        for context in (whole, partial)
    ]
    assert not told[0]
    assert Path(export).name in told[1][0]


def test_who_begins_from_the_starter_voice_is_told_its_limit(prepared, monkeypatch):
    monkeypatch.setattr(sovits, "starter_voice", lambda: prepared.generator.parent)
    _, context = train(prepared, total_epochs=1)
    assert any("official weights" in text for level, text in context.lines if level == "warning")


def test_judges_of_the_generator_step_get_no_gradient(prepared, monkeypatch):
    seen = []
    real = sovits.SovitsTraining._deceiving_losses

    def watched(self, *given):
        made = real(self, *given)
        seen.append([tensor.requires_grad for tensor in self._judges.parameters()])
        return made

    monkeypatch.setattr(sovits.SovitsTraining, "_deceiving_losses", watched)
    train(prepared, total_epochs=1)
    assert not any(any(flags) for flags in seen)


def test_an_unprepared_experiment_is_named(prepared):
    for path in prepared.experiment.ssl_folder.iterdir():
        path.unlink()
    with pytest.raises(NothingToDo) as caught:
        train(prepared)
    assert str(prepared.experiment.ssl_folder) in caught.value.message
    assert "1b" in caught.value.hint


def test_features_of_another_encoder_are_named(prepared):
    for name in NAMES:
        torch.save(torch.zeros(1, 20, 60), prepared.experiment.ssl_folder / f"{name}.pt")
    with pytest.raises(BadParameters, match="20 channels"):
        train(prepared)


def test_a_missing_start_is_named(prepared):
    with pytest.raises(MissingModel, match=r"not there\.pth"):
        train(prepared, pretrained_generator=prepared.workspace / "not there.pth")


def test_a_training_with_speaker_vectors_ends_with_weights_that_speak(tmp_path, monkeypatch):
    monkeypatch.setattr(sovits, "repeated", lambda count, _: list(range(count)))
    prepared = prepare(tmp_path, PRO_SIZES)
    result, _ = train(prepared, version="v2Pro", total_epochs=1)
    path = prepared.workspace / "SoVITS_weights_v2Pro" / f"{prepared.name}_e1_s2.pth"
    assert [one.path for one in result.artifacts] == [str(path.resolve())]
    assert path.read_bytes()[:2] == b"05"
    assert inspect(path).version == "v2Pro"
    before, after = load_sovits(prepared.generator, posterior=False), load_sovits(path)
    for name in ("sv_emb.weight", "ge_to512.weight", "prelu.weight"):
        assert not torch.equal(before.state_dict()[name].half().float(), after.state_dict()[name])
    judges = read_state(max((prepared.experiment.folder / "logs_s2_v2Pro").glob("state_*.pt")))
    assert len({name.split(".")[1] for name in judges["parts"]["discriminators"]}) == 8
    voice = [StyleReference(spectrogram=torch.rand(1, 1025, 30), speaker=torch.ones(1, 10))]
    wave = after.decode(torch.arange(9)[None], torch.arange(1, 7)[None], voice)
    assert wave.shape == (1, 1, 9 * 2 * 640)
    assert torch.isfinite(wave).all()
    assert wave.std() > 0


def test_the_first_version_is_trained_with_its_own_phones(tmp_path, monkeypatch):
    monkeypatch.setattr(sovits, "repeated", lambda count, _: list(range(count)))
    prepared = prepare(tmp_path, replace(SOVITS_SIZES, version="v1", symbol_rows=322, style_bins=1025))
    train(prepared, version="v1", total_epochs=1, adversarial_from_step=99)
    path = prepared.workspace / "SoVITS_weights" / f"{prepared.name}_e1_s2.pth"
    assert inspect(path).version == "v1"
    assert load_sovits(path).config.style_bins == 1025


def test_a_start_of_another_version_is_refused(prepared):
    with pytest.raises(BadCheckpoint, match=r"model of v2, but v2ProPlus"):
        train(prepared, version="v2ProPlus")


def moves(optimiser):
    """Moves that an optimiser made, as its own state counts them."""
    return {int(one["step"]) for one in optimiser["state"].values()}


def test_memory_that_ends_after_the_judges_moved_does_not_move_them_again(prepared, tmp_path, monkeypatch):
    other = prepare(tmp_path / "undisturbed")
    _, undisturbed = train(other, total_epochs=1)
    real, sizes = sovits.SovitsTraining._deceiving_losses, []

    def short(self, made_from, *given):
        sizes.append(len(made_from))
        if len(sizes) == 2:  # the judges have moved, the generator has not
            raise torch.OutOfMemoryError("planted")
        return real(self, made_from, *given)

    monkeypatch.setattr(sovits.SovitsTraining, "_deceiving_losses", short)
    _, context = train(prepared, total_epochs=1)
    assert sizes == [3, 3, 1, 2]
    assert any("in 2 parts" in text for level, text in context.lines if level == "warning")
    parts, wanted = last_parts(prepared), last_parts(other)
    assert moves(parts["generator_optimiser"]) == moves(parts["discriminator_optimiser"]) == {2}
    judges = parts["discriminators"]
    assert all(torch.equal(judges[name], tensor) for name, tensor in wanted["discriminators"].items())
    names = ("loss_discriminator", "grad_norm_discriminator")
    told = [[one[name] for name in names] for _, one in context.metrics]
    assert told == [[one[name] for name in names] for _, one in undisturbed.metrics]


def test_the_manner_of_the_weights_is_handed_on(prepared):
    start = read_checkpoint(prepared.generator)
    said = {"manner": {"noise_scale": 0.05}}
    write_weights(prepared.generator, {"weight": start.weights, "config": {**start.config, **said}})
    result, _ = train(prepared, total_epochs=1)
    export = next(one.path for one in result.artifacts if one.kind == "weights")
    assert read_manner(Path(export)).noise_scale == 0.05
