"""Measures a voice by what Whisper hears.

    python resources/starter/evaluate.py --whisper FOLDER [--list LIST] [--voice VOICE]

For each sentence of the list: the word error of the true recording, of the voice, of espeak-ng and of
Festival's voice saying the same, of Festival's at the even pace that the voice learns from, and of SoVITS
alone, given the codes of that sound (where these programs are installed; else of the recording). Also how
fast the voice speaks, and its level.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
import torch

from engine.audio.io import read_audio
from engine.audio.spectrogram import linear_spectrogram
from engine.models.hubert import load_content_encoder
from engine.models.sovits import SpeakSettings, StyleReference, load_sovits
from engine.protocol.builtin import sample_project, starter_voice
from engine.protocol.label_list import LabelRow, read_labels
from engine.protocol.messages import Audio, Failed, JobCancelled
from engine.protocol.voices import read_voice
from engine.text.frontend import phonemize
from engine.worker.client import Worker
from resources.starter.data import plain, say_main
from resources.starter.steady import write_even

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
    """Errors, length, level and offset of a recording."""
    heard = hear(path)
    wave = read_audio(path, 32000)
    return {
        "heard": heard,
        "words": len(words(said)),
        "errors": errors(words(said), words(heard)),
        "seconds": round(len(wave) / 32000, 2),
        "peak": round(float(np.abs(wave).max(initial=0)), 3),
        "rms": round(float(np.sqrt(np.mean(wave**2))), 4),
        "offset": round(float(wave.mean()), 4),
    }


class Resynthesis:
    """SoVITS alone: a recording is turned into its codes, and the codes into sound again."""

    def __init__(self, card: Path) -> None:
        voice = read_voice(card)
        if voice.content_encoder is None or voice.reference is None:
            sys.exit(f"{card} names no content encoder or reference.")
        noise = voice.manner.noise_scale
        self._noise_scale = SpeakSettings().noise_scale if noise is None else noise
        self._encoder = load_content_encoder(voice.content_encoder)
        self._sovits = load_sovits(voice.sovits, posterior=False)
        self._sovits.fuse_weight_norm()
        reference = torch.from_numpy(read_audio(voice.reference, 32000))
        self._style = StyleReference(spectrogram=linear_spectrogram(reference[None]))

    @torch.no_grad()
    def __call__(self, recording: Path, text: str, out: Path) -> None:
        """Writes what SoVITS makes of a recording's codes."""
        wave = torch.from_numpy(read_audio(recording, 16000))[None]
        codes = self._sovits.extract_codes(self._encoder.encode(wave))
        phones = torch.tensor(phonemize(text, "en", "v2").phone_ids)[None]
        noise = torch.Generator().manual_seed(0)
        made = self._sovits.decode(
            codes, phones, [self._style], noise_scale=self._noise_scale, generator=noise
        )
        soundfile.write(out, made[0, 0].numpy(), 32000, subtype="PCM_16")


def espeak(text: str, out: Path) -> None:
    """espeak-ng says a text."""
    subprocess.run(["espeak-ng", "-v", "en-us", "-w", str(out), text], check=True)


def festival(text: str, out: Path) -> None:
    """Festival's voice slt, which the starter voice learns from, says a text."""
    say_main([(out.stem, plain(text))], out.parent)


OTHERS: Final = {"festival": festival, "espeak": espeak}
PROGRAMS: Final = {"festival": "festival", "espeak": "espeak-ng"}


def spoken(worker: Worker, asked: Mapping[str, object]) -> tuple[float, float]:
    """Speaks a sentence while it is made: seconds until the first sound, and until the end."""
    started_s = time.perf_counter()
    first_s = float("nan")
    for event in worker.events(worker.start("speak", asked)):
        now_s = time.perf_counter() - started_s
        if isinstance(event, Audio) and not first_s <= now_s:
            first_s = now_s
        if isinstance(event, Failed | JobCancelled):
            sys.exit(f"{asked['text']!r} was not spoken: {event}")
    return first_s, time.perf_counter() - started_s


class Evaluation:
    """What has been measured so far."""

    def __init__(self, voice: Path, hear: Hear, folder: Path, seed: int) -> None:
        self._card = voice / "voice.json"
        self._hear = hear
        self._folder = folder
        self._seed = seed
        self._resynthesis = Resynthesis(self._card)
        self._totals: dict[str, np.ndarray] = {}
        self._times_s: list[tuple[float, float]] = []
        self._first_s: list[float] = []

    def sentence(self, worker: Worker, index: int, row: LabelRow, base: Path) -> None:
        """Says a sentence in every way, and prints what was heard."""
        out = {
            name: self._folder / f"{index:02}_{name}.wav" for name in ("voice", "true_codes", "even", *OTHERS)
        }
        asked = {
            "text": row.text,
            "voice": str(self._card),
            "out": str(out["voice"]),
            "seed": self._seed,
        }
        self._times_s.append(spoken(worker, asked))
        streamed = asked | {"stream": True, "out": str(self._folder / "streamed.wav")}
        self._first_s.append(spoken(worker, streamed)[0])
        for name, say in OTHERS.items():
            if shutil.which(PROGRAMS[name]):
                say(row.text, out[name])
        recording = row.clip(base)
        source = recording
        if out["festival"].is_file():
            phones = phonemize(plain(row.text), "en", "v2").phones
            source = out["even"] if write_even(out["festival"], phones, out["even"]) else out["festival"]
        self._resynthesis(source, row.text, out["true_codes"])
        figures = {
            name: measure(path, row.text, self._hear)
            for name, path in {"recording": recording, **out}.items()
            if path.is_file()
        }
        for name, one in figures.items():
            fresh = np.array([float(str(one[key])) for key in ("errors", "words", "seconds")])
            self._totals[name] = self._totals.get(name, np.zeros(3)) + fresh
        sys.stdout.write(json.dumps({"said": row.text, **figures}) + "\n")
        sys.stdout.flush()

    def summary(self) -> str:
        """Word error rates and times."""
        lines = [
            f"{name}: {wrong:g} errors in {count:g} words, word error rate {wrong / count:.3f}"
            for name, (wrong, count, _) in self._totals.items()
        ]
        spoken_s = self._totals["voice"][2]
        took_s = sum(whole for _, whole in self._times_s)
        lines.append(f"voice: {took_s / spoken_s:.2f} of real time, loading included")
        lines.append(f"first sound, loaded: {np.median(self._first_s):.2f} s in the middle")
        return "\n".join(lines) + "\n"


def main() -> None:
    """Prints a line for each sentence, and the word error rates of all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", type=Path, default=sample_project() / "heldout.list")
    parser.add_argument("--whisper", type=Path, required=True)
    parser.add_argument("--voice", type=Path, default=starter_voice(), help="folder with a voice.json")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder that keeps all sound")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, Worker() as worker:
        folder = (arguments.keep or Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        evaluation = Evaluation(arguments.voice, listener(arguments.whisper), folder, arguments.seed)
        rows = read_labels(arguments.list).rows[: arguments.count]
        for index, row in enumerate(rows):
            evaluation.sentence(worker, index, row, arguments.list.parent)
        sys.stdout.write(evaluation.summary())


if __name__ == "__main__":
    main()
