"""Faults that strike a training: what the user reads, and what is kept.

`python -m tests.contract.training_faults [FOLDER]` tries them all and prints a table.
"""

import contextlib
import errno
import functools
import math
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import torch

from engine.checkpoints.reader import read_state
from engine.models.gpt import Gpt
from engine.protocol.context import RecordingContext
from engine.protocol.errors import Cancelled, EngineError
from engine.protocol.launch import worker_environment
from engine.protocol.messages import Done, Metric
from engine.protocol.stages.registry import stage
from engine.protocol.training_place import training_place
from engine.train.lock import only_training
from engine.worker.client import Worker
from tests.engine.train.experiments import GPT_SIZES, NAMES, prepare

HOLDER = """
import sys
from pathlib import Path
from engine.train.lock import only_training
with only_training(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@dataclass(frozen=True)
class Fault:
    """How a fault went.

    Attributes:
        seen: What the user reads.
        kept: What lies on disk right after it.
        then: What comes of starting again, or of the rest of the run.
        exact: Whether the weights are in the end those of an undisturbed run, bit for bit.
    """

    seen: str
    kept: str
    then: str
    exact: bool


class Case:
    """A prepared experiment, and a training of it."""

    def __init__(self, folder, name="train_gpt"):
        self.prepared = prepare(folder)
        self.name = name
        gpt = name == "train_gpt"
        self.folder = self.prepared.experiment.folder / ("logs_s1_v2" if gpt else "logs_s2_v2")
        self.context = RecordingContext()

    def values(self, **changes):
        made = {
            "workspace": str(self.prepared.workspace),
            "experiment": self.prepared.name,
            "total_epochs": 2,
            "batch_size": 4,
            "fewest_items": 16,
            "state_every_steps": 2,
            "device": "cpu",
        }
        if self.name == "train_gpt":
            own = {"pretrained_gpt": str(self.prepared.gpt), "accumulate_batches": 1}
        else:
            own = {
                "pretrained_generator": str(self.prepared.generator),
                "pretrained_discriminator": str(self.prepared.discriminator),
                "batch_size": 3,
                "fewest_items": 1,
            }
        return made | own | changes

    def train(self, context=None, **changes):
        self.context = context or RecordingContext()
        spec = stage(self.name)
        module, _, function = spec.entry.partition(":")
        __import__(module)
        return getattr(sys.modules[module], function)(spec.parse(self.values(**changes)), self.context)

    def fails(self, **changes):
        """What the user reads when it fails."""
        try:
            self.train(**changes)
        except EngineError as error:
            return f"{error.message} — {error.hint}"
        raise AssertionError("it did not fail")

    def warnings(self):
        return [text for level, text in self.context.lines if level == "warning"]

    def kept(self):
        place = training_place(self.folder)
        weights = [one.name for one in self.prepared.workspace.glob("*_weights_v2/*.*")]
        states = len(list(self.folder.glob("state_*.pt")))
        step = place.step if place else 0
        return f"{states} states, newest of step {step}; {len(weights)} exported files"

    def parts(self):
        newest = max(self.folder.glob("state_*.pt"))
        return read_state(newest)["parts"]["gpt" if self.name == "train_gpt" else "generator"]


@functools.cache
def undisturbed():
    """The GPT of a training that nothing strikes."""
    with tempfile.TemporaryDirectory() as folder:
        case = Case(Path(folder))
        case.train()
        return case.parts()


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


@contextlib.contextmanager
def small_disk(folder, size_bytes):
    """A file system of so many bytes at `folder`; where none can be mounted, writes that fail alike."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder)]
    if mount and subprocess.run(command, capture_output=True, check=False).returncode == 0:
        try:
            yield lambda: subprocess.run(
                [mount, "-o", "remount,size=64m", str(folder)], capture_output=True, check=True
            )
        finally:
            subprocess.run(["umount", str(folder)], capture_output=True, check=True)
        return
    left, real = [3], os.fsync

    def fsync(handle):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    with mock.patch.object(os, "fsync", fsync) as _:
        yield lambda: left.__setitem__(0, 1000)


def disk_full(folder):
    case = Case(folder)
    probe = Case(folder / "probe")
    probe.train(total_epochs=1)
    size = max(path.stat().st_size for path in probe.folder.glob("state_*.pt"))
    with small_disk(case.folder, size * 5 // 2) as enlarge:
        seen = case.fails()
        kept = case.kept()
        enlarge()
        result = case.train()
        exact = same(case.parts(), undisturbed())
    return Fault(seen, kept, f"space freed, started again: {result.summary}", exact)


def short_memory(folder):
    case, real = Case(folder), Gpt.loss

    def loss(self, phones, *given):
        if len(phones) > 2:
            raise torch.OutOfMemoryError(f"CUDA out of memory (planted at {len(phones)} clips)")
        return real(self, phones, *given)

    with mock.patch.object(Gpt, "loss", loss):
        result = case.train()
    return Fault(case.warnings()[0], case.kept(), result.summary, exact=False)


def no_memory_at_all(folder):
    case = Case(folder)
    with mock.patch.object(
        Gpt, "loss", side_effect=RuntimeError("DefaultCPUAllocator: can't allocate memory")
    ):
        seen = case.fails()
    kept = case.kept()
    result = case.train()
    return Fault(seen, kept, f"started again: {result.summary}", same(case.parts(), undisturbed()))


def one_broken_step(folder):
    case, real, calls = Case(folder), Gpt.loss, []

    def loss(self, *given):
        calls.append(1)
        if len(calls) == 6:
            self.bert_proj.weight.data.fill_(math.nan)
        return real(self, *given)

    with mock.patch.object(Gpt, "loss", loss):
        result = case.train()
    return Fault(case.warnings()[0], case.kept(), result.summary, exact=False)


def broken_clip(folder):
    case = Case(folder)
    bert = case.prepared.experiment.bert_folder / f"{NAMES[3]}.pt"
    bert.parent.mkdir()
    phones = case.prepared.experiment.text_file.read_text(encoding="utf-8").splitlines()[3].split("\t")[1]
    torch.save(torch.full((GPT_SIZES.bert_channels, len(phones.split())), math.nan), bert)
    seen = case.fails()
    kept = case.kept()
    bert.unlink()
    result = case.train()
    return Fault(seen, kept, f"clip mended, started again: {result.summary}", exact=False)


def damaged_state(folder):
    case = Case(folder)
    stops = StopsAfter(5)
    with contextlib.suppress(Cancelled):
        case.train(stops)
    newest = max(case.folder.glob("state_*.pt"))
    newest.write_bytes(newest.read_bytes()[:-999])
    result = case.train()
    exact = same(case.parts(), undisturbed())
    return Fault(case.warnings()[0], case.kept(), result.summary, exact)


def missing_features(folder):
    case = Case(folder, "train_sovits")
    (case.prepared.experiment.ssl_folder / f"{NAMES[2]}.pt").unlink()
    result = case.train()
    left_out = "; ".join(f"{one.name}: {one.reason}" for one in result.skipped)
    return Fault(f"left out: {left_out}", case.kept(), result.summary, exact=False)


def vanished_clip(folder):
    case = Case(folder, "train_sovits")

    class Removes(RecordingContext):
        def metric(self, values, step):
            super().metric(values, step)
            (case.prepared.experiment.wav_folder / NAMES[4]).unlink(missing_ok=True)

    result = case.train(Removes())
    return Fault(case.warnings()[0], case.kept(), result.summary, exact=False)


def second_start(folder):
    """A real worker trains; the same training is asked for in this process."""
    case = Case(folder)
    seen = []

    def on_event(event):
        if isinstance(event, Metric) and not seen:
            seen.append(case.fails())

    with Worker(stderr=subprocess.DEVNULL) as worker:
        end = worker.run(case.name, case.values(), on_event)
    assert isinstance(end, Done)
    exact = same(case.parts(), undisturbed())
    return Fault(seen[0], case.kept(), f"the first one: {end.result.summary}", exact)


def stale_lock(folder):
    case = Case(folder)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(case.folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=worker_environment(),
    ) as child:
        child.stdout.readline()
        child.kill()
    note = (case.folder / "training.pid").read_text(encoding="utf-8")
    result = case.train()
    with only_training(case.folder):
        return Fault(
            f"nothing (the dead process {'had left its id' if note else 'left nothing'})",
            case.kept(),
            result.summary,
            same(case.parts(), undisturbed()),
        )


class StopsAfter(RecordingContext):
    """Asks to stop once a number of steps is done."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def metric(self, values, step):
        super().metric(values, step)
        if step == self.step:
            self.cancel()


FAULTS = {
    "disk full (small tmpfs)": disk_full,
    "memory too small for the batch (planted)": short_memory,
    "memory too small for one clip (planted)": no_memory_at_all,
    "NaN in one step": one_broken_step,
    "NaN in a clip's features": broken_clip,
    "newest state cut short": damaged_state,
    "content features of a clip missing": missing_features,
    "clip removed while training": vanished_clip,
    "second start while the first runs": second_start,
    "lock of a killed process": stale_lock,
}


def main():
    torch.set_num_threads(1)
    given = sys.argv[1:]
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(given[0]) if given else Path(temporary)
        sys.stdout.write(
            "| fault | what the user sees | what is kept | then | as undisturbed |\n|-|-|-|-|-|\n"
        )
        for number, (name, strike) in enumerate(FAULTS.items()):
            fault = strike(root / str(number))
            cells = (name, fault.seen, fault.kept, fault.then, "bit for bit" if fault.exact else "-")
            row = " | ".join(cell.replace(str(root), "…").replace("|", "/") for cell in cells)
            sys.stdout.write(f"| {row} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
