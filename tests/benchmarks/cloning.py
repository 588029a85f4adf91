"""How near a clone comes: `python -m tests.benchmarks.cloning --whisper DIR --even --rate 3e-5 --epochs 2`.

A speaker whom the starter voice has never heard (five minutes of the sample project's, or the one of LIST) is
cloned by the program's own stages in a real worker: `prepare`, `train_sovits` from the starter's weights. The
starter's GPT stays: it decides what is said and how fast, SoVITS how it sounds. Then sentences that no
training saw are spoken by the voice as it is shipped, by the same with 5 s of the speaker as reference
(zero-shot), and by the clone; `--with-gpt` trains the GPT too. `--even` makes the clips even first, and
corrects the codes of their content features (`resources/starter/even_clips.py`).

Prints the word error by Whisper and the likeness to the speaker: the cosine between the mean of
resemblyzer's vectors of what was spoken and of the speaker's own held-out recordings; beside it that of
another speaker (Flite's awb, where Flite is at hand). Resemblyzer is no dependency of the program: install it
beside it (`pip install --no-deps resemblyzer webrtcvad "setuptools<81"`).
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.audio.io import read_audio, write_wav
from engine.models.sovits import load_sovits
from engine.protocol.builtin import sample_project, starter_voice
from engine.protocol.label_list import LabelRow, read_labels, write_labels
from engine.protocol.messages import Done
from engine.protocol.voices import CARD, VoiceCard, read_voice, write_voice
from engine.protocol.workspace import Workspace
from engine.worker.client import Worker
from resources.starter.evaluate import Hear, errors, listener, words
from resources.starter.even_clips import LIST as EVEN_LIST
from resources.starter.even_clips import code_phones, make_even, right_codes, starter_aligner

REFERENCE_S = 5.0
RATE_HZ = 32000
SHORTEST_S, LONGEST_S = 1.5, 8.0
Vector = NDArray[np.float32]


class Likeness:
    """Says how much voices are alike."""

    def __init__(self) -> None:
        from resemblyzer import VoiceEncoder

        self._encoder = VoiceEncoder("cpu", verbose=False)

    def vector(self, paths: Sequence[Path]) -> Vector:
        """The mean of the recordings' vectors, of length 1."""
        from resemblyzer import preprocess_wav

        found = [self._encoder.embed_utterance(preprocess_wav(read_audio(path, 16000))) for path in paths]
        mean: Vector = np.mean(found, axis=0)
        return mean / np.linalg.norm(mean)


def done(worker: Worker, stage: str, asked: Mapping[str, Any]) -> Done:
    """Runs a stage to its end."""
    begun = time.perf_counter()
    end = worker.run(stage, asked)
    if not isinstance(end, Done):
        raise SystemExit(f"{stage}: {end}")
    sys.stdout.write(f"{stage}: {time.perf_counter() - begun:.0f} s; {end.result.summary}\n")
    sys.stdout.flush()
    return end


def weights_of(end: Done) -> str:
    """The newest weights that a training wrote."""
    return [one.path for one in end.result.artifacts if one.kind == "weights"][-1]


def say(
    worker: Worker, rows: Sequence[LabelRow], folder: Path, asked: Mapping[str, Any]
) -> list[tuple[LabelRow, Path]]:
    """Speaks the rows' texts into a folder."""
    spoken = []
    for number, row in enumerate(rows):
        out = folder / f"{number:02}.wav"
        end = worker.run("speak", {"text": row.text, "language": "en", "seed": 1, "out": str(out), **asked})
        if not isinstance(end, Done):
            raise SystemExit(f"{row.text!r}: {end}")
        spoken.append((row, out))
    return spoken


def word_error(spoken: Sequence[tuple[LabelRow, Path]], hear: Hear) -> float:
    """Share of the words that Whisper gets wrong."""
    wrong = sum(errors(words(row.text), words(hear(path))) for row, path in spoken)
    return wrong / sum(len(words(row.text)) for row, _ in spoken)


def clone(worker: Worker, given: argparse.Namespace, folder: Path) -> dict[str, dict[str, Any]]:
    """Fine-tunes; what `speak` is told for each way of speaking."""
    voice: Path = given.voice
    common = {"workspace": str(folder), "experiment": "clone"}
    labels: Path = given.list
    if given.even:
        made = make_even(labels, folder / "even", starter_aligner(voice))
        sys.stdout.write(f"even: {len(made)} of {len(read_labels(labels).rows)} clips\n")
        labels = folder / "even" / EVEN_LIST
    features = {
        "labels": str(labels.resolve()),
        "content_encoder": str(voice / "content_encoder"),
        "pretrained_sovits": str(voice / "s2G.pth"),
    }
    done(worker, "prepare", {**common, **features})
    if given.even:
        content = Workspace(folder).experiment("clone").ssl_folder
        network = load_sovits(voice / "s2G.pth", posterior=False)
        share = right_codes(content, folder / "even" / "clips", network, code_phones())
        sys.stdout.write(f"even: {share:.2f} of the codes were right before\n")
    sound = {
        "pretrained_generator": str(voice / "s2G.pth"),
        "pretrained_discriminator": str(voice / "s2D.pth"),
        "total_epochs": given.epochs,
        "save_every_epochs": given.epochs,
        "batch_size": given.batch,
        "adversarial_from_step": 0 if given.with_judges else 1_000_000,  # the starter's know nothing yet
    }
    if given.rate:
        sound["learning_rate"] = given.rate
    theirs = {
        "reference": str(reference(given.list, folder / "reference 参考.wav")),
        "prompt_text": "",
    }
    cloned = weights_of(done(worker, "train_sovits", {**common, **sound}))
    ways = {
        "zero-shot, 5 s of the speaker": {"voice": str(voice / CARD), **theirs},
        "clone (SoVITS)": {"voice": str(card_of(folder / "clone", voice, theirs["reference"], cloned))},
    }
    if given.with_gpt:
        text = {"pretrained_gpt": str(voice / "s1.ckpt"), "total_epochs": given.with_gpt, "batch_size": 4}
        gpt = weights_of(done(worker, "train_gpt", {**common, **text}))
        card = card_of(folder / "clone with GPT", voice, theirs["reference"], cloned, gpt)
        ways["clone (SoVITS and GPT)"] = {"voice": str(card)}
    return ways


def card_of(folder: Path, voice: Path, sample: str, sovits: str, gpt: str = "") -> Path:
    """Writes a voice card for what was trained; the manner is the starter's, its noise too."""
    start = read_voice(voice / CARD)
    folder.mkdir()
    card = VoiceCard(
        name="clone",
        gpt=gpt or str(start.gpt),
        sovits=sovits,
        content_encoder=str(start.content_encoder),
        reference=sample,
        manner=start.manner,
    )
    return write_voice(folder, card)


def reference(labels: Path, out: Path) -> Path:
    """The longest recordings of the list, joined and cut to five seconds."""
    waves = [read_audio(row.clip(labels.parent), RATE_HZ) for row in read_labels(labels).rows]
    joined = np.concatenate(sorted(waves, key=len, reverse=True)[:10])
    write_wav(out, joined[: int(REFERENCE_S * RATE_HZ)], RATE_HZ)
    return out


def some_minutes(labels: Path, minutes: float, out: Path) -> Path:
    """A list of clips of 1.5 to 8 s, drawn from a list, of so many minutes."""
    rows = list(read_labels(labels).rows)
    left, kept = minutes * 60, []
    for place in np.random.default_rng(0).permutation(len(rows)):
        row = replace(rows[place], path=str(rows[place].clip(labels.parent)))
        length_s = len(read_audio(Path(row.path), 16000)) / 16000
        if SHORTEST_S <= length_s <= LONGEST_S and left > 0:
            kept.append(row)
            left -= length_s
    write_labels(out, kept)
    return out


def of_flite(rows: Sequence[LabelRow], folder: Path) -> list[tuple[LabelRow, Path]]:
    """The rows' texts by another speaker, Flite's awb; none where there is no Flite."""
    program = shutil.which("flite")
    if program is None:
        return []
    folder.mkdir()
    made = [(row, folder / f"{number:02}.wav") for number, row in enumerate(rows)]
    for row, path in made:
        subprocess.run([program, "-voice", "awb", "-t", row.text, "-o", str(path)], check=True)
    return made


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--whisper", type=Path, required=True)
    parser.add_argument("--voice", type=Path, default=starter_voice())
    parser.add_argument("--list", type=Path, help="the speaker's clips; empty takes the sample project's")
    parser.add_argument("--minutes", type=float, default=5.0, help="how much of the sample project to take")
    parser.add_argument("--even", action="store_true", help="make the clips even first")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rate", type=float, help="learning rate; empty takes the stage's own")
    parser.add_argument("--with-judges", action="store_true")
    parser.add_argument("--with-gpt", type=int, default=0, metavar="EPOCHS")
    parser.add_argument("--count", type=int, default=20, help="sentences to speak")
    parser.add_argument("--keep", type=Path, help="folder that keeps all sound")
    given = parser.parse_args()
    hear, likeness = listener(given.whisper), Likeness()
    held = sample_project() / "heldout.list"
    rows = read_labels(held).rows[: given.count]
    true = [(row, row.clip(held.parent)) for row in rows]
    speaker = likeness.vector([path for _, path in true])
    with tempfile.TemporaryDirectory() as made, Worker(stderr=subprocess.DEVNULL) as worker:
        folder = (given.keep or Path(made)).resolve() / "用户 it's"
        folder.mkdir(parents=True, exist_ok=True)
        if given.list is None:
            given.list = some_minutes(sample_project() / "sample.list", given.minutes, folder / "clone.list")
        ways: dict[str, dict[str, Any]] = {"the starter voice": {"voice": str(given.voice / CARD)}}
        ways |= clone(worker, given, folder)
        sys.stdout.write("\n| | word error | likeness |\n|---|---|---|\n")
        halves = [likeness.vector([path for _, path in true[start::2]]) for start in (0, 1)]
        table = {"the speaker, half against half": (word_error(true, hear), float(halves[0] @ halves[1]))}
        others = {"another speaker": of_flite(rows, folder / "another")}
        if given.even:
            even = folder / "even"
            some = read_labels(even / EVEN_LIST).rows[: given.count]
            others["the speaker's even clips"] = [(row, row.clip(even)) for row in some]
        for name, spoken in others.items():
            if spoken:
                near = float(likeness.vector([path for _, path in spoken]) @ speaker)
                table[name] = (word_error(spoken, hear), near)
        for number, (name, asked) in enumerate(ways.items()):
            spoken = say(worker, rows, folder / f"way {number}", asked)
            near = float(likeness.vector([path for _, path in spoken]) @ speaker)
            table[name] = (word_error(spoken, hear), near)
        for name, (wrong, near) in table.items():
            sys.stdout.write(f"| {name} | {wrong:.2f} | {near:.2f} |\n")


if __name__ == "__main__":
    main()
