"""Measures a voice by what Whisper hears.

    python resources/starter/evaluate.py --whisper FOLDER [--list LIST] [--voice VOICE]

For each sentence of the list: the word error of the true recording, and of the voice saying the same.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from engine.audio.io import read_audio
from engine.protocol.builtin import sample_project, starter_voice
from engine.protocol.label_list import read_labels
from engine.protocol.messages import Done
from engine.worker.client import Worker

Hear = Callable[[Path], str]
_WHISPER_HZ = 16000


def words(text: str) -> list[str]:
    """Lower-case words without punctuation."""
    return re.findall(r"[a-z0-9']+", text.lower())


def errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """Words that have to be changed, put in or left out to make one of the other (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for index, word in enumerate(said, 1):
        above, row[0] = row[0], index
        for place, other in enumerate(heard, 1):
            above, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, above + (word != other))
    return row[-1]


def listener(folder: Path) -> Hear:
    """A function that writes down a recording with a faster-whisper model."""
    from faster_whisper import WhisperModel

    model = WhisperModel(str(folder), device="cpu", compute_type="int8", local_files_only=True)

    def hear(path: Path) -> str:
        wave = read_audio(path, _WHISPER_HZ)
        pieces, _ = model.transcribe(wave, language="en", beam_size=5, condition_on_previous_text=False)
        return " ".join(piece.text.strip() for piece in pieces)

    return hear


def measure(path: Path, said: str, hear: Hear) -> dict[str, object]:
    """Errors, length and level of a recording."""
    heard = hear(path)
    wave = read_audio(path, 32000)
    return {
        "heard": heard,
        "words": len(words(said)),
        "errors": errors(words(said), words(heard)),
        "seconds": round(len(wave) / 32000, 2),
        "peak": round(float(np.abs(wave).max()), 3),
        "rms": round(float(np.sqrt(np.mean(wave**2))), 4),
    }


def main() -> None:
    """Prints a line for each sentence and the word error rates of both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", type=Path, default=sample_project() / "heldout.list")
    parser.add_argument("--whisper", type=Path, required=True)
    parser.add_argument("--voice", default=str(starter_voice()))
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder that keeps what was spoken")
    arguments = parser.parse_args()
    hear = listener(arguments.whisper)
    totals = {"recording": [0, 0], "voice": [0, 0]}
    with tempfile.TemporaryDirectory() as scratch, Worker() as worker:
        folder = arguments.keep or Path(scratch)
        for index, row in enumerate(read_labels(arguments.list).rows[: arguments.count]):
            out = folder.resolve() / f"{index:02}.wav"
            asked = {"text": row.text, "voice": arguments.voice, "out": str(out), "seed": arguments.seed}
            started_s = time.perf_counter()
            end = worker.run("speak", asked)
            took_s = time.perf_counter() - started_s
            if not isinstance(end, Done):
                sys.exit(f"{row.text!r} was not spoken: {end}")
            found = {
                "recording": measure(row.clip(arguments.list.parent), row.text, hear),
                "voice": measure(out, row.text, hear),
            }
            for name, figures in found.items():
                totals[name][0] += int(str(figures["errors"]))
                totals[name][1] += int(str(figures["words"]))
            sys.stdout.write(json.dumps({"said": row.text, "took_s": round(took_s, 2), **found}) + "\n")
    for name, (wrong, spoken) in totals.items():
        sys.stdout.write(f"{name}: {wrong} errors in {spoken} words, word error rate {wrong / spoken:.3f}\n")


if __name__ == "__main__":
    main()
