"""Seconds of every stage by command line: `python -m tests.benchmarks.chain [--seconds 60]`.

The beginning of the sample recording is cut, transcribed, checked and prepared with `python -m engine run`,
a process for each stage; then everything again, when there is nothing left to do.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from engine.protocol.launch import worker_environment
from tests.contract.chain import Chain
from tests.speech_model import whisper_folder


def run_stage(stage: str, parameters: dict[str, object]) -> tuple[float, str]:
    """Seconds of a stage, and what it says of its outcome."""
    command = [sys.executable, "-m", "engine", "run", stage, "--params", "-"]
    begun = time.perf_counter()
    done = subprocess.run(
        command,
        input=json.dumps(parameters).encode("utf-8"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=worker_environment(),
        check=True,
    )
    end = json.loads(done.stdout.splitlines()[-1])
    return time.perf_counter() - begun, str(end["result"]["numbers"])


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="of the recording")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        chain = Chain(Path(name), whisper_folder())
        chain.write_recording(given.seconds)
        sys.stdout.write("| stage | s | outcome |\n|---|---|---|\n")
        for again in ("", ", again"):
            for stage, parameters in chain.stages.items():
                seconds, outcome = run_stage(stage, parameters)
                sys.stdout.write(f"| {stage}{again} | {seconds:.1f} | {outcome} |\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
