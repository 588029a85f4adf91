"""Kills training workers at random moments: the weights in the end are an undisturbed run's, bit for bit.

`python -m tests.contract.train_kills [KILLS [SEED [STAGE]]]` does it for both trainings, or for one, and
prints a table.
"""

import random
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from engine.checkpoints.reader import read_state
from engine.protocol.errors import WorkerDied
from engine.protocol.messages import Done, Metric
from engine.worker.client import Worker
from tests.contract.training_faults import Case, same

LONGEST_DELAY_S = 0.15
SIZES = {"train_gpt": {"total_epochs": 10}, "train_sovits": {"total_epochs": 16}}


@dataclass(frozen=True)
class Kill:
    """A process that was killed.

    Attributes:
        first_step: First step that it did; 0 when it was killed before.
        last_step: Last step that it told of.
        delay_s: Time between that word and the kill.
        newest: Name of the newest state afterwards.
        half: Files that it left half written.
    """

    first_step: int
    last_step: int
    delay_s: float
    newest: str
    half: int


class Victim:
    """Runs a training in worker processes, and kills them."""

    def __init__(self, folder, name, **changes):
        self.case = Case(folder, name)
        self.values = self.case.values(**SIZES[name] | changes)

    def run(self, kill_at=None, delay_s=0.0):
        """One process; the kill when it was killed, the result when it came to its end."""
        seen = []
        with Worker(stderr=subprocess.DEVNULL) as worker:

            def on_event(event):
                if not isinstance(event, Metric):
                    return
                seen.append(event.step)
                if event.step == kill_at:
                    # a moment between two words of the worker: in a step, a save or an export
                    threading.Timer(delay_s, worker._process.kill).start()

            try:
                end = worker.run(self.case.name, self.values, on_event)
            except WorkerDied:
                states = sorted(path.name for path in self.case.folder.glob("state_*.pt"))
                return Kill(
                    first_step=seen[0] if seen else 0,
                    last_step=seen[-1] if seen else 0,
                    delay_s=delay_s,
                    newest=states[-1] if states else "none",
                    half=len(list(self.case.folder.glob(".*.part.*"))),
                )
        if not isinstance(end, Done):
            raise TypeError(f"it did not end well: {end}")
        return end.result

    def weights(self):
        """Bytes of the files exported, by name; a zip holds no times, so that equal weights are equal."""
        return {
            path.name: path.read_bytes() for path in self.case.prepared.workspace.glob("*_weights_v2/*.*")
        }


def killed_run(folder, name, moments, tell=lambda _end: None, **changes):
    """A run with a kill at every (step, delay), and an undisturbed one.

    Returns:
        What each process came to, and whether states and exports are equal.
    """
    whole, torn = Victim(folder / "whole", name, **changes), Victim(folder / "torn", name, **changes)
    whole.run()
    ends = []
    for step, delay_s in moments:
        ends.append(torn.run(step, delay_s))
        tell(ends[-1])
    result = torn.run()
    wanted, got = (
        read_state(max(victim.case.folder.glob("state_*.pt")))["parts"] for victim in (whole, torn)
    )
    equal = _equal(wanted, got) and whole.weights() == torn.weights()
    return ends, result, equal


def _equal(first, second):
    if hasattr(first, "shape"):
        return same({"": first}, {"": second})
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(_equal(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(_equal, first, second))
    return first == second


def tell(end):
    if isinstance(end, Kill):
        row = f"{end.first_step} | {end.last_step} | {end.delay_s * 1000:.0f} ms | {end.newest} | {end.half}"
    else:
        row = f"it came to its end before the kill: {end.summary}"
    sys.stdout.write(f"| {row} |\n")
    sys.stdout.flush()


def main():
    kills, seed = (int(given) for given in (*sys.argv[1:3], "10", "7")[:2])
    draw = random.Random(seed)
    for name, steps in (("train_gpt", 40), ("train_sovits", 32)):
        moments = [
            (step, draw.uniform(0, LONGEST_DELAY_S)) for step in sorted(draw.sample(range(1, steps), kills))
        ]
        if name not in (sys.argv[3:4] or [name]):
            continue
        sys.stdout.write("| began at step | killed after step | delay | newest state | half files |\n")
        sys.stdout.write("|-|-|-|-|-|\n")
        with tempfile.TemporaryDirectory() as folder:
            ends, result, equal = killed_run(Path(folder), name, moments, tell)
        verdict = "equal, bit for bit" if equal else "DIFFERENT"
        killed = sum(isinstance(end, Kill) for end in ends)
        steps_done = int(result.numbers["steps"])
        sys.stdout.write(f"{name}: {killed} kills, {steps_done} steps; weights and states {verdict}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
