"""The GPT's training as a stage: real files in, official weights out."""

import json
import subprocess
import sys

import pytest
import torch

from engine.checkpoints.inspection import ModelKind, inspect
from engine.checkpoints.reader import read_checkpoint, read_state
from engine.models.gpt import load_gpt
from engine.protocol.context import RecordingContext
from engine.protocol.errors import BadCheckpoint, BadParameters, Cancelled, MissingModel, NothingToDo
from engine.protocol.launch import worker_environment
from engine.protocol.stages.training import TrainGptParameters
from engine.protocol.versions import version
from engine.protocol.workspace import Workspace
from engine.train import gpt
from engine.train.gpt_data import gpt_items
from tests.engine.train.experiments import prepare, without_chance
from tests.engine.train.test_loop import StopsAt, losses


@pytest.fixture
def prepared(tmp_path):
    return prepare(tmp_path)


def values(prepared, **changes):
    given = {
        "workspace": str(prepared.workspace),
        "experiment": prepared.name,
        "pretrained_gpt": str(prepared.gpt),
        "total_epochs": 2,
        "batch_size": 16,
        "accumulate_batches": 2,
        "device": "cpu",
    }
    return given | changes


def train(prepared, context=None, **changes):
    context = context or RecordingContext()
    return gpt.run(TrainGptParameters(**values(prepared, **changes)), context), context


def last_network(prepared):
    newest = max((prepared.experiment.folder / "logs_s1_v2").glob("state_*.pt"))
    return read_state(newest)["parts"]["gpt"]


def test_two_epochs_end_with_official_weights(prepared):
    result, context = train(prepared, save_every_epochs=1)
    folder = prepared.workspace / "GPT_weights_v2"
    paths = [folder / f"{prepared.name}-e{epoch}.ckpt" for epoch in (1, 2)]
    assert [one.path for one in result.artifacts] == [str(path.resolve()) for path in paths]
    assert context.artifacts == [("weights", path) for path in paths]
    about = inspect(paths[1])
    assert (about.kind, about.version, about.safe, about.dtype) == (ModelKind.GPT, "v2", True, "float16")
    assert about.info == "GPT-e2"
    stored = read_checkpoint(paths[1])
    assert set(stored.weights) == set(read_checkpoint(prepared.gpt).weights)
    assert set(stored.config) == {"train", "optimizer", "data", "model", "inference"}
    trained = load_gpt(paths[1]).state_dict()
    assert all(
        torch.equal(trained[name], value.half().float()) for name, value in last_network(prepared).items()
    )
    assert {"loss", "accuracy", "learning_rate", "grad_norm"} <= set(context.metrics[0][1])
    assert {one["learning_rate"] for _, one in context.metrics} == {0.002}
    assert not result.skipped


def test_it_learns(prepared):
    _, context = train(prepared, total_epochs=6, learning_rate=0.02, accumulate_batches=1)
    course = losses(context)
    assert len(course) == 36
    assert sum(course[-6:]) < 0.8 * sum(course[:6])


def test_stop_and_go_on_bit_for_bit(prepared, tmp_path):
    other = prepare(tmp_path / "undisturbed")
    _, whole = train(other)
    first = StopsAt(4)
    with pytest.raises(Cancelled):
        train(prepared, first)
    result, second = train(prepared)
    assert losses(first) + losses(second) == losses(whole)
    assert result.numbers["steps_now"] == 2
    wanted, got = last_network(other), last_network(prepared)
    assert all(torch.equal(wanted[name], got[name]) for name in wanted)


def test_a_killed_process_goes_on_bit_for_bit(prepared, tmp_path):
    other = prepare(tmp_path / "undisturbed")
    train(other, total_epochs=3, state_every_steps=2)
    command = [
        sys.executable,
        "-m",
        "tests.engine.train.interrupted",
        "train_gpt",
        json.dumps(values(prepared, total_epochs=3, state_every_steps=2)),
        str(torch.get_num_threads()),
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env=worker_environment(), encoding="utf-8"
    ) as child:
        for line in child.stdout:
            if line.strip() == "step 5":
                child.kill()  # SIGKILL: nothing in the child can react
                break
        assert child.wait() != 0
    _, context = train(prepared, total_epochs=3, state_every_steps=2)
    steps = [step for step, _ in context.metrics]
    assert 4 <= steps[0] <= 7
    assert steps[-1] == 9
    wanted, got = last_network(other), last_network(prepared)
    assert all(torch.equal(wanted[name], got[name]) for name in wanted)


def test_nothing_to_do_says_so(prepared):
    first, _ = train(prepared)
    again, context = train(prepared)
    assert "already at epoch 2 of 2" in again.summary
    assert again.artifacts == first.artifacts
    assert context.metrics == []


def test_preference_training(prepared):
    _, context = train(prepared, total_epochs=1, dpo=True)
    shares = [one["loss_preference"] for _, one in context.metrics]
    assert min(shares) >= 0
    assert max(shares) > 0


def test_mixed_precision(prepared):
    _, plain = train(prepared, total_epochs=1)
    _, rough = train(prepare(prepared.workspace / "other"), total_epochs=1, precision="bf16")
    assert losses(rough) != losses(plain)
    assert losses(rough) == pytest.approx(losses(plain), rel=0.05)


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("constant", [0.002] * 6),
        ("cosine", [0.002, 0.002, 0.00105, 0.00105, 0.0001, 0.0001]),
        ("original", [0.01] + [0.002] * 5),
    ],
)
def test_the_rate_takes_the_course_of_its_name(prepared, schedule, rates):
    first = StopsAt(3)
    with pytest.raises(Cancelled):
        train(prepared, first, schedule=schedule, accumulate_batches=3, total_epochs=3)
    _, second = train(prepared, schedule=schedule, accumulate_batches=3, total_epochs=3)
    told = [one["learning_rate"] for context in (first, second) for _, one in context.metrics]
    assert told == pytest.approx(rates)


def training_of(prepared, **changes):
    """The training that the stage makes, without chance in its network."""
    parameters = TrainGptParameters(**values(prepared, **changes))
    model = load_gpt(prepared.gpt)
    without_chance(model)
    experiment = Workspace(prepared.workspace).experiment(prepared.name)
    items, _ = gpt_items(experiment, version("v2"), model.config)
    return gpt.GptTraining(parameters, model, items, prepared.workspace)


def test_batches_are_gathered_evenly_or_as_in_the_original(prepared):
    even, there = (
        [
            training_of(prepared, batch_size=4, accumulate_batches=4, accumulation=name).plan(epoch)
            for epoch in range(3)
        ]
        for name in ("even", "original")
    )
    assert [[len(step) for step in plan] for plan in even] == [[4] * 6] * 3
    assert [[len(step) for step in plan] for plan in there] == [
        [5, 4, 4, 4, 4],  # three are left
        [8, 4, 4, 4, 4],
        [8, 4, 4, 4, 4],
    ]
    one, other = ([batch for plan in plans for step in plan for batch in step] for plans in (even, there))
    assert other == one[:-3]


def test_batches_that_never_make_a_step_of_the_original_are_refused(prepared):
    with pytest.raises(BadParameters, match="never move: an epoch has 6, and a step takes 8"):
        train(prepared, batch_size=16, accumulate_batches=7, accumulation="original")


def test_how_batches_are_gathered_belongs_to_the_order(prepared):
    orders = {training_of(prepared, accumulation=name).order for name in ("even", "original")}
    assert len(orders) == 2


def loss_of(prepared, step, **changes):
    training = training_of(prepared, **changes)
    return training.step(training.load(step), 0, lambda: None)


def test_padding_is_left_out_unless_the_original_is_wanted(prepared):
    whole, cut = [(0, 5)], [(0,), (5,)]
    figures = {
        name: [loss_of(prepared, step, **changes) for step in (whole, cut)]
        for name, changes in {
            "ours": {},
            "texts": {"text_padding": "original"},
            "tokens": {"token_padding": "original"},
        }.items()
    }
    for name in ("loss", "grad_norm"):
        ours, texts, tokens = ([one[name] for one in told] for told in figures.values())
        assert ours[0] == pytest.approx(ours[1], rel=1e-4)  # a clip learns the same in every company
        assert texts[0] != pytest.approx(texts[1], rel=1e-3)
        assert tokens[0] != pytest.approx(tokens[1], rel=1e-3)
        assert texts[1] == tokens[1] == ours[1]  # alone there is no padding


def test_a_batch_cut_for_the_memory_has_the_same_preference(prepared):
    figures = []
    for step in ([(0, 5, 2, 3)], [(0, 5), (2,), (3,)]):
        torch.manual_seed(0)
        figures.append(loss_of(prepared, step, dpo=True, batch_size=8))
    for name in ("loss_preference", "grad_norm"):
        assert figures[0][name] == pytest.approx(figures[1][name], rel=1e-4)
    torch.manual_seed(0)
    other = loss_of(prepared, [(0, 5, 2, 3)], dpo=True, batch_size=2)  # as four batches: it counts more
    assert other["grad_norm"] != pytest.approx(figures[0]["grad_norm"], rel=1e-3)


def test_left_out_clips_are_listed(prepared):
    with prepared.experiment.semantic_file.open("a", encoding="utf-8") as stream:
        stream.write("nobody.wav\t1 2 3\n")
    result, context = train(prepared, total_epochs=1)
    assert [one.name for one in result.skipped] == ["nobody.wav"]
    assert any("nobody.wav" in text for _, text in context.lines)


@pytest.mark.parametrize(("missing", "stage"), [("text_file", "1a"), ("semantic_file", "1c")])
def test_what_is_not_prepared_is_named(prepared, missing, stage):
    path = getattr(prepared.experiment, missing)
    path.unlink()
    with pytest.raises(NothingToDo) as caught:
        train(prepared)
    assert str(path) in caught.value.message
    assert stage in caught.value.hint


def test_a_missing_start_is_named(prepared):
    with pytest.raises(MissingModel, match=r"not there\.ckpt"):
        train(prepared, pretrained_gpt=prepared.workspace / "not there.ckpt")


def test_a_start_of_another_version_is_refused(prepared):
    with pytest.raises(BadCheckpoint, match="table of 732 phones; v1 needs one of 512"):
        train(prepared, version="v1")
