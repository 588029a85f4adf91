"""How many words Whisper gets wrong: `python -m tests.benchmarks.recognition [--every N] [--model FOLDER]`.

Every Nth clip of the sample project, and the sentences that no training uses, through the same recogniser as
the stage `transcribe`; what it writes down is compared with the sample's own transcripts.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from engine.audio.io import read_audio
from engine.audio.resample import Samples
from engine.audition.mistakes import edits, units
from engine.dataset.whisper import RATE_HZ, Recogniser
from engine.protocol.builtin import sample_project
from engine.protocol.label_list import read_labels
from engine.protocol.recognisers import Precision
from tests.speech_model import whisper_folder


@dataclass(frozen=True, slots=True)
class Sentence:
    """A clip and what is said in it."""

    name: str
    text: str
    path: Path
    samples: Samples


@dataclass(slots=True)
class Score:
    """Errors of many clips together."""

    words: int = 0
    wrong: int = 0
    clips: int = 0
    whole: int = 0

    @property
    def rate(self) -> float:
        """Wrong, missing and surplus words for each word that was said."""
        return self.wrong / max(self.words, 1)


def sentences(labels: str, every: int = 1) -> list[Sentence]:
    """Every so many clips of a label file of the sample project."""
    path = sample_project() / labels
    made = []
    for row in read_labels(path).rows[::every]:
        clip = path.parent / row.path
        made.append(Sentence(clip.stem, row.text, clip, read_audio(clip, RATE_HZ)))
    return made


def score(listener: Recogniser, clips: Iterable[tuple[str, Path]]) -> Score:
    """What is heard in each clip against what is said there."""
    made = Score()
    for text, path in clips:
        heard = listener.hear(read_audio(path, RATE_HZ), "en", lambda: None)
        truth = units(text, "en")
        wrong = edits(truth, units(heard.text, "en"))
        made.words += len(truth)
        made.wrong += wrong
        made.clips += 1
        made.whole += wrong == 0
    return made


def say(line: str) -> None:
    """Prints a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=5, help="take every Nth clip of sample.list")
    parser.add_argument("--model", type=Path, help="folder of a faster-whisper model; else the tests' own")
    given = parser.parse_args()
    listener = Recogniser(given.model or whisper_folder(), Precision.INT8)
    say("label file      clips  seconds  words  wrong  word error  clips without error  times real time")
    for labels, every in (("heldout.list", 1), ("sample.list", given.every)):
        clips = sentences(labels, every)
        seconds = sum(one.samples.size for one in clips) / RATE_HZ
        begun = time.perf_counter()
        found = score(listener, [(one.text, one.path) for one in clips])
        taken = time.perf_counter() - begun
        say(
            f"{labels:15} {found.clips:5} {seconds:8.0f} {found.words:6} {found.wrong:6} {found.rate:11.3f}"
            f" {found.whole:20} {taken / seconds:16.2f}"
        )


if __name__ == "__main__":
    main()
