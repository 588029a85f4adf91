"""Several processes make the same steps as one with all the clips."""

import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from engine.checkpoints.inspection import ModelKind, inspect
from engine.models.discriminators import load_discriminators
from engine.models.gpt import load_gpt
from engine.models.sovits import load_sovits
from engine.protocol.context import RecordingContext
from engine.protocol.errors import Cancelled, WorkerDied
from engine.protocol.launch import worker_environment
from engine.protocol.stages.training import TrainGptParameters, TrainSovitsParameters
from engine.protocol.versions import version
from engine.protocol.workspace import Workspace
from engine.train import distributed, gpt, sovits
from engine.train.distributed import devices_of, join_group, shares
from engine.train.gpt_data import gpt_items
from engine.train.peers import Group, Peers
from engine.train.plan import numbered
from engine.train.sovits_data import sovits_items
from tests.engine.train.experiments import NAMES, prepare, without_chance

STEPS = [[(0, 1, 2, 3)], [(4, 4, 1, 5)], [(3,)]]
"""Even shares, a clip that comes twice, and a step with nothing for the second process."""


def make(stage, prepared):
    facts = version("v2")
    experiment = Workspace(prepared.workspace).experiment(prepared.name)
    given = {"workspace": prepared.workspace, "experiment": prepared.name, "device": "cpu", "batch_size": 4}
    if stage == "gpt":
        model = load_gpt(prepared.gpt)
        without_chance(model)
        items, _ = gpt_items(experiment, facts, model.config)
        return gpt.GptTraining(TrainGptParameters(**given), model, items, prepared.workspace)
    generator = load_sovits(prepared.generator, posterior=True)
    without_chance(generator)
    items, _ = sovits_items(experiment, facts, generator.config)
    judges = load_discriminators(prepared.discriminator)
    return sovits.SovitsTraining(TrainSovitsParameters(**given), generator, judges, items, prepared.workspace)


def learn(training, rank=0, count=1):
    training.begin_epoch(0)
    figures = []
    for step, batches in enumerate(STEPS):
        own = shares(numbered(batches, len(NAMES)), count)[rank]
        figures.append(training.step(training.load(own), step, lambda: None))
    return figures


def member(rank, port, prepared):
    torch.set_num_threads(1)
    join_group(rank, 2, port)
    trainings = [make(stage, prepared) for stage in ("sovits", "gpt")]
    learnt = []
    for training in trainings:
        training.peers = Group(rank, 2)
        learnt.append(learn(training, rank, 2))
    dist.destroy_process_group()
    return trainings, learnt


@pytest.fixture
def prepared(tmp_path):
    made = prepare(tmp_path)
    rows = made.experiment.semantic_file.read_text(encoding="utf-8").splitlines()
    short = [rows[0], *(" ".join(row.split(" ")[:20]) for row in rows[1:])]  # the GPT learns padding, too
    made.experiment.semantic_file.write_text("\n".join(short) + "\n", encoding="utf-8")
    return made


def test_two_processes_learn_as_one(prepared):
    port = distributed._free_port()
    other = multiprocessing.get_context("spawn").Process(target=member, args=(1, port, prepared), daemon=True)
    other.start()
    trainings, learnt = member(0, port, prepared)
    other.join(30)
    assert other.exitcode == 0
    for stage, training, figures in zip(("sovits", "gpt"), trainings, learnt, strict=True):
        alone = make(stage, prepared)
        expected = learn(alone)
        for one, two in zip(expected, figures, strict=True):
            same = {**one, "accuracy": two["accuracy"]} if stage == "gpt" else one  # a mean of means
            assert two == pytest.approx(same, rel=2e-4)
        start = make(stage, prepared).parts()
        for name in [name for name in alone.parts() if "optimiser" not in name]:
            began, ended, theirs = (flat(parts[name]) for parts in (start, alone.parts(), training.parts()))
            assert (theirs - ended).norm() < 0.05 * (ended - began).norm(), f"{stage} {name}"


def flat(part):
    """All numbers of a network; Adam moves those without a true gradient by their rounding errors."""
    return torch.cat([tensor.flatten().double() for tensor in part.state_dict().values()])


def run_sovits(prepared, context, **more):
    given = {
        "workspace": prepared.workspace,
        "experiment": prepared.name,
        "pretrained_generator": prepared.generator,
        "pretrained_discriminator": prepared.discriminator,
        "total_epochs": 1,
        "batch_size": 2,
        "fewest_items": 1,
        "device": "cpu",
        "gpu_numbers": "0-0",
    }
    return sovits.run(TrainSovitsParameters(**given | more), context)


class Interrupting(RecordingContext):
    """Stops after the first step."""

    def metric(self, values, step):
        super().metric(values, step)
        self.cancel_requested = True


def test_the_stage_starts_stops_and_goes_on_with_two_processes(prepared):
    with pytest.raises(Cancelled):
        run_sovits(prepared, Interrupting(), total_epochs=2)
    context = RecordingContext()
    result = run_sovits(prepared, context, total_epochs=2)
    assert any("goes on at step 2" in text for _, text in context.lines)
    assert [step for step, _ in context.metrics] == [2, 3, 4][: len(context.metrics)]
    assert inspect(Path(result.artifacts[-1].path)).kind is ModelKind.SOVITS
    assert not multiprocessing.active_children()


def test_a_process_that_dies_is_named(prepared, monkeypatch):
    told = distributed.SharedTraining._tell

    def tell_and_kill(self, others, step):
        told(self, others, step)
        self._team.processes[0].kill()
        self._team.processes[0].join()

    monkeypatch.setattr(distributed.SharedTraining, "_tell", tell_and_kill)
    with pytest.raises(WorkerDied, match="process 2 of 2"):
        run_sovits(prepared, RecordingContext())
    assert not multiprocessing.active_children()


def test_devices_of_numbers():
    assert devices_of("", "auto", 2) == ["auto"]
    assert devices_of("1", "cuda:1", 2) == ["cuda:1"]
    assert devices_of("0-1", "auto", 2) == ["cuda:0", "cuda:1"]
    assert devices_of("0-0", "auto", 0) == ["cpu", "cpu"]


def test_shares_are_even_and_whole():
    for count in (1, 2, 3):
        cut = shares([(0, 1, 2), (3, 4), (5,)], count)
        assert sorted(index for own in cut for batch in own for index in batch) == list(range(6))


def test_copies_are_numbered():
    assert numbered([(0, 0, 1), (0,)], 10) == [(0, 10, 1), (20,)]
    assert numbered([(10, 1)], 10) == [(10, 1)]


def test_alone_nothing_is_shared():
    assert (Peers().rank, Peers().count, Peers().total([1.0, 2.0])) == (0, 1, [1.0, 2.0])
    assert "RANK" not in os.environ


def run_gpt_with_torchrun(prepared, folder, **more):
    """`python -m engine run train_gpt` in two processes of PyTorch's own launcher; what each one said."""
    given = {
        "workspace": str(prepared.workspace),
        "experiment": prepared.name,
        "pretrained_gpt": str(prepared.gpt),
        "total_epochs": 2,
        "batch_size": 2,
        "accumulate_batches": 1,
        "fewest_items": 16,
        "device": "cpu",
    }
    folder.mkdir()
    words = folder / "parameters.json"
    words.write_text(json.dumps(given | more), encoding="utf-8")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"]
    place = ["--master_addr", "127.0.0.1", "--master_port", str(distributed._free_port())]
    kept = ["--log-dir", str(folder / "said"), "--redirects", "3"]
    stage = ["-m", "engine", "run", "train_gpt", "--params", str(words)]
    ended = subprocess.run(
        [*launcher, *place, *kept, *stage],
        env=worker_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    said = []
    for rank in ("0", "1"):
        (path,) = (folder / "said").glob(f"*/attempt_0/{rank}/stdout.log")
        said.append([json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()])
    return ended, said


def test_processes_of_torchrun_train_together_and_the_first_one_reports(prepared, tmp_path):
    ended, (first, second) = run_gpt_with_torchrun(prepared, tmp_path / "launched")
    assert ended.returncode == 0, ended.stdout
    told = [event for event in first if event["type"] == "metric"]
    assert [event["step"] for event in told] == list(range(1, 9))
    (path,) = [event["path"] for event in first if event["type"] == "artifact"]
    assert inspect(Path(path)).info == "GPT-e2"
    assert [event["type"] for event in second] == ["result"]  # it reports nothing and saves nothing
    assert second[0]["result"]["summary"] == "Trained the GPT with the other processes."


def as_of_torchrun(rank, port):
    """What torchrun tells a process."""
    return {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}


def waiting(port, prepared):
    os.environ |= as_of_torchrun(1, port)
    training = make("gpt", prepared)
    distributed.serve(training, training._parameters)


def test_processes_of_torchrun_go_home_where_no_step_was_left_to_do(prepared, monkeypatch):
    port = distributed._free_port()
    other = multiprocessing.get_context("spawn").Process(target=waiting, args=(port, prepared), daemon=True)
    other.start()
    for name, value in as_of_torchrun(0, port).items():
        monkeypatch.setenv(name, value)
    training = make("gpt", prepared)
    shared = distributed.SharedTraining(training, training._parameters, [], len(NAMES))
    shared.end()
    other.join(30)
    assert other.exitcode == 0
