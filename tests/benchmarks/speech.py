"""How fast the starter voice speaks: `python -m tests.benchmarks.speech [--rounds N]`.

One worker says the same text again and again. Prints seconds of work for each second of speech (below 1
is faster than real time), when the first sound came, and the ratio of both without and with sound that is
handed out within sentences.
"""

from __future__ import annotations

import argparse
import base64
import subprocess
import sys
import time

from engine.protocol.messages import Audio, Done, Event
from engine.worker.client import Worker

TEXT = (
    "Please enter your password, followed by the pound key. Thank you for calling. The conference will begin."
)


def spoken(worker: Worker, *, stream: bool, seed: int) -> tuple[float, float, float]:
    """Seconds to the first sound, seconds of work, and seconds of speech."""
    begun, first_s, samples, rate_hz = time.perf_counter(), 0.0, 0, 1

    def take(event: Event) -> None:
        nonlocal first_s, samples, rate_hz
        if isinstance(event, Audio):
            first_s = first_s or time.perf_counter() - begun
            samples += len(base64.b64decode(event.pcm)) // 2
            rate_hz = event.rate_hz

    end = worker.run("speak", {"text": TEXT, "stream": stream, "seed": seed, "cut": "cut0"}, take)
    if not isinstance(end, Done):
        sys.exit(f"the voice did not speak: {end}")
    return first_s, time.perf_counter() - begun, samples / rate_hz


def main() -> None:
    """Prints a line for each way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=4)
    rounds = parser.parse_args().rounds
    firsts = {}
    with Worker(stderr=subprocess.DEVNULL) as worker:
        begun = time.perf_counter()
        spoken(worker, stream=False, seed=0)
        sys.stdout.write(f"first request, with loading the models: {time.perf_counter() - begun:.2f} s\n")
        for stream in (False, True):
            runs = [spoken(worker, stream=stream, seed=seed) for seed in range(1, rounds + 1)]
            factor = min(work_s / speech_s for _, work_s, speech_s in runs)
            firsts[stream] = min(first_s for first_s, _, _ in runs)
            name = "within sentences" if stream else "whole sentences"
            sys.stdout.write(
                f"{name}: real-time factor {factor:.2f}, first sound after {firsts[stream]:.2f} s\n"
            )
    sys.stdout.write(f"first sound, within to whole: {firsts[True] / firsts[False]:.2f}\n")


if __name__ == "__main__":
    main()
