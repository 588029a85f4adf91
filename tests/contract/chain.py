"""From a recording to a folder that can be trained on, stage by stage through a real worker."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.audio.io import read_audio, write_wav
from engine.protocol.builtin import sample_project
from engine.protocol.errors import WorkerDied
from engine.protocol.messages import Done
from engine.protocol.results import StageResult
from engine.worker.client import Worker

RATE_HZ = 32000
KNOWS_TIMES = (".state.json", "_state.json", ".list.json", ".bak")
"""Ends of the files that tell when others were written, and not what is in them."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When a worker is killed: so many seconds after the first event of a stage."""

    stage: str
    after_s: float


@dataclass(slots=True)
class Chain:
    """A workspace with one recording, and what its stages are told."""

    folder: Path
    model: Path
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def stages(self) -> dict[str, dict[str, Any]]:
        """Parameters of each stage, in the order of the work."""
        labels = self.folder / "标注" / "切片.list"
        return {
            "slice": {
                "input": str(self.folder / "录音 it's.wav"),
                "output": str(self.folder / "切片"),
                "min_length_ms": 2500,
            },
            "transcribe": {
                "input": str(self.folder / "切片"),
                "output": str(self.folder / "标注"),
                "model": str(self.model),
                "language": "en",
                "speaker": "ann",
            },
            "check": {"labels": str(labels), "workspace": str(self.folder)},
            "prepare": {
                "workspace": str(self.folder),
                "experiment": "声 it's",
                "labels": str(labels),
                "device": "cpu",
            },
        }

    def write_recording(self, length_s: float) -> None:
        """Puts the beginning of the sample recording in."""
        samples = read_audio(sample_project() / "recording.opus", RATE_HZ)
        write_wav(self.folder / "录音 it's.wav", samples[: int(length_s * RATE_HZ)], RATE_HZ)

    def run(
        self, worker: Worker, tell: Callable[[str], None] = lambda _stage: None
    ) -> dict[str, StageResult]:
        """Runs every stage, notes the seconds of each, and tells the stage of every event.

        Raises:
            WorkerDied: the worker ended in between.
        """
        results = {}
        for stage, parameters in self.stages.items():
            begun = time.perf_counter()
            end = worker.run(stage, parameters, lambda _event, stage=stage: tell(stage))
            self.seconds[stage] = time.perf_counter() - begun
            assert isinstance(end, Done), f"{stage}: {end}"
            results[stage] = end.result
        return results

    def killed(self, moment: Moment) -> bool:
        """Runs and kills the worker; whether that was before the end."""
        with Worker(stderr=subprocess.DEVNULL) as worker:
            timer = threading.Timer(moment.after_s, worker.kill)

            def tell(stage: str) -> None:
                if stage == moment.stage and timer.ident is None:
                    timer.start()

            try:
                self.run(worker, tell)
            except WorkerDied:
                return True
            finally:
                timer.cancel()
                if timer.ident is not None:
                    timer.join()
        return False

    def files(self) -> dict[str, bytes]:
        """Everything that is whole, by its place; not the records of when it was made."""
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and not path.name.endswith(KNOWS_TIMES) and ".part" not in path.name
        }


def moments(seed: int, count: int, seconds: Mapping[str, float]) -> list[Moment]:
    """Random moments, from the first stage on.

    The first is within the first stage, or soon after where the machine has become quicker: so at least one
    kill finds the chain at work, however long an undisturbed run took.

    Args:
        seed: Of the chance.
        count: How many.
        seconds: What each stage took in an undisturbed run, in the order of the work.
    """
    chance = random.Random(seed)
    stages = list(seconds)
    chosen = [stages[0], *sorted(chance.choices(stages[1:], k=count - 1), key=stages.index)]
    return [Moment(stage, chance.uniform(0, 0.9) * seconds[stage]) for stage in chosen]
