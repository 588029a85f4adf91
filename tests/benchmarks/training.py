"""Speed and memory of training: `python -m tests.benchmarks.training [--original FOLDER]`.

SoVITS v2 (generator and discriminators) and GPT v2 of full size, with made-up weights, learn from two
clips at once, in float32. FOLDER is a copy of the original program (the folder that holds `module` and
`AR`); then its steps and ours take turns, one by one, so that whatever else the machine does hinders both
alike. Its networks, losses, spectrograms and optimiser of the GPT are its own code; only the order of the
calls, which its loop needs pytorch_lightning or a process group for, is written again here. Each side has a
process of its own, whose highest memory is told. Reading clips is not measured on either side.

The time of a step is the median, by the clock and by the processor: the latter tells more where other
programs compute meanwhile. A step of the GPT takes four batches.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.parity.kit.official import write_official

SIDES = "tests.benchmarks.training_sides"


@dataclass
class Side:
    """One side's process, and what it took."""

    name: str
    process: subprocess.Popen[str]
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    def ask(self, words: str) -> dict[str, float]:
        """Sends a line and waits for the answer."""
        print(words, file=self.process.stdin, flush=True)
        return self.answer()

    def answer(self) -> dict[str, float]:
        """The next line that the process says."""
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            raise SystemExit(f"The process of {self.name} ended early.")
        found: dict[str, float] = json.loads(line)
        return found


@contextmanager
def side(name: str, arguments: Sequence[str], threads: int) -> Iterator[Side]:
    """A side's process, started and made ready."""
    command = [sys.executable, "-m", SIDES, *arguments, "--threads", str(threads)]
    quiet = {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "PASSIVE", "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=os.environ | quiet,
    ) as process:
        one = Side(name, process)
        one.answer()
        yield one


def measured(
    network: str, weights: Path, given: argparse.Namespace, threads: int
) -> list[tuple[Side, dict[str, float]]]:
    """Each side with its steps, and its memory."""
    shared = [network, "--weights", str(weights), "--device", given.device]
    with ExitStack() as stack:
        ours = ["--precision", given.precision]
        sides = [stack.enter_context(side("ours", [*shared, *ours], threads))]
        if given.original:
            theirs = ["--original", str(given.original.resolve())]
            sides.append(stack.enter_context(side("original", [*shared, *theirs], threads)))
        for number in range(given.warm + given.steps):
            for one in sides:
                said = one.ask("step")
                if number >= given.warm:
                    one.seconds.append(said["seconds"])
                    one.cpu.append(said["cpu"])
                one.losses.append(said["loss"])
        return [(one, one.ask("end")) for one in sides]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--original", type=Path, help="folder of the original that holds `module` and `AR`")
    parser.add_argument("--networks", nargs="+", default=["sovits", "gpt"], choices=["sovits", "gpt"])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="fp32", help="of ours: fp32, bf16")
    parser.add_argument("--warm", type=int, default=3)
    parser.add_argument("--steps", type=int, default=5)
    given = parser.parse_args()
    if not given.original:
        sys.stdout.write("Only our side is measured: --original names no copy of the original.\n")
    sys.stdout.write(
        "| network | threads | side | s a step | steps/s | against | cpu s a step | against "
        "| peak MB | GPU MB | losses |\n|---|---|---|---|---|---|---|---|---|---|---|\n"
    )
    with tempfile.TemporaryDirectory() as name:
        weights = Path(name)
        for variant, file in (("s2G_v2", "s2G.pth"), ("s2D_v2", "s2D.pth"), ("s1_v2", "s1.ckpt")):
            write_official(variant, weights / file)
        for network in given.networks:
            for threads in given.threads:
                _print_rows(network, threads, measured(network, weights, given, threads))


def _print_rows(network: str, threads: int, sides: list[tuple[Side, dict[str, float]]]) -> None:
    last = sides[-1][0]
    for one, end in sides:
        cells: list[object] = [network, threads, one.name]
        clock, cpu = statistics.median(one.seconds), statistics.median(one.cpu)
        cells += [f"{clock:.2f}", f"{1 / clock:.3f}", _against(last.seconds, clock, sides)]
        cells += [f"{cpu:.2f}", _against(last.cpu, cpu, sides)]
        cells += [f"{end['peak_mb']:.0f}", f"{end['gpu_mb']:.0f}"]
        cells += [f"{one.losses[0]:.4g} .. {one.losses[-1]:.4g}"]
        sys.stdout.write("| " + " | ".join(map(str, cells)) + " |\n")
        sys.stdout.flush()


def _against(others: Sequence[float], own: float, sides: Sequence[object]) -> str:
    return f"{statistics.median(others) / own:.2f}x" if len(sides) > 1 else ""


if __name__ == "__main__":
    main()
