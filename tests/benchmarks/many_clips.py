"""A folder of many clips: `python -m tests.benchmarks.many_clips [--clips 5000]`.

Tiny clips and tiny made-up models, so that what is measured is the handling of files: each stage runs in a
real worker, twice. Prints for each run the seconds, those until the first progress event, the longest time
without one after that, the longest time in which the stage itself had nothing new to say (it loads
libraries, and the worker repeats its last words), and the memory of the worker after a fifth of the run and
at its highest.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from engine.audio.io import write_wav
from engine.protocol.messages import Done, Event, Progress
from engine.worker.client import Worker
from tests.engine.dataset.conftest import HUBERT

RATE_HZ = 16000
LENGTH_S = 0.8
WATCH_S = 0.25
TEXTS = ("Please leave a message.", "That number is busy.", "Enter your code now.", "Goodbye, and thank you.")


@dataclass(slots=True)
class Run:
    """What was seen of a stage."""

    wall_s: float = 0.0
    silent_s: float = 0.0
    gaps_s: list[float] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)

    @property
    def early_mb(self) -> float:
        """Memory after a fifth of the run."""
        return max(self.memory_mb[: len(self.memory_mb) // 5 + 1], default=0.0)


def write_project(folder: Path, clips: int) -> Path:
    """Clips, labels and models; gives the label file."""
    import torch
    from safetensors.torch import save_file

    from engine.checkpoints.writer import write_weights
    from engine.models.hubert import ContentEncoder
    from tests.engine.models.tiny import TINY, tiny_sovits

    (folder / "encoder").mkdir()
    (folder / "encoder" / "config.json").write_text(json.dumps(HUBERT), encoding="utf-8")
    torch.manual_seed(0)
    save_file(ContentEncoder(HUBERT).network.state_dict(), folder / "encoder" / "model.safetensors")
    weights = {"weight": tiny_sovits().state_dict(), "config": TINY.to_checkpoint(), "info": "tiny"}
    write_weights(folder / "s2G.pth", weights)
    chance = np.random.default_rng(0)
    noise = chance.normal(0, 0.1, int(LENGTH_S * RATE_HZ)).astype(np.float32)
    lines = []
    for number in range(clips):
        name = f"clip{number:05d}.wav"
        write_wav(folder / "clips" / name, np.roll(noise, number), RATE_HZ)
        lines.append(f"clips/{name}|ann|en|{TEXTS[number % len(TEXTS)]}")
    labels = folder / "clips.list"
    labels.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return labels


def stages(folder: Path, labels: Path) -> dict[str, Mapping[str, Any]]:
    """What each stage is told."""
    common = {"workspace": str(folder), "experiment": "many", "labels": str(labels), "device": "cpu"}
    return {
        "denoise": {"input": str(folder / "clips"), "output": str(folder / "clean")},
        "check": {"labels": str(labels), "workspace": str(folder)},
        "text_features": common,
        "ssl_features": {**common, "content_encoder": str(folder / "encoder")},
        "semantic_tokens": {**common, "pretrained_sovits": str(folder / "s2G.pth")},
    }


def watched(stage: str, parameters: Mapping[str, Any]) -> Run:
    """Runs a stage in a worker of its own."""
    run = Run()
    ended = threading.Event()
    with Worker(stderr=subprocess.DEVNULL) as worker:
        process = psutil.Process(worker.hello.pid)

        def watch() -> None:
            while not ended.wait(WATCH_S):
                run.memory_mb.append(process.memory_info().rss / 2**20)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        begun = last = time.perf_counter()

        def hear(event: Event) -> None:
            nonlocal last
            if isinstance(event, Progress):
                run.silent_s = max(run.silent_s, event.silent_s)
            if isinstance(event, Progress | Done):
                now = time.perf_counter()
                run.gaps_s.append(now - last)
                last = now

        end = worker.run(stage, parameters, hear)
        run.wall_s = time.perf_counter() - begun
        ended.set()
        watcher.join()
    if not isinstance(end, Done):
        raise TypeError(f"{stage}: {end}")
    return run


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=5000)
    parser.add_argument("--stages", nargs="+", help="these alone")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        labels = write_project(folder, given.clips)
        sys.stdout.write(
            f"{given.clips} clips\n\n"
            "| stage | s | first event s | longest without one s | nothing new for s | MB after a fifth "
            "| MB at most |\n|---|---|---|---|---|---|---|\n"
        )
        for again in ("", ", again"):
            for stage, parameters in stages(folder, labels).items():
                if given.stages and stage not in given.stages:
                    continue
                run = watched(stage, parameters)
                first_s, *gaps_s = run.gaps_s
                most_mb = max(run.memory_mb, default=0.0)
                waits = (first_s, max(gaps_s, default=0.0), run.silent_s)
                cells = (run.wall_s, *waits, run.early_mb, most_mb)
                sys.stdout.write(f"| {stage}{again} | {' | '.join(f'{cell:.1f}' for cell in cells)} |\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
