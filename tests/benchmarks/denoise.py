"""What denoising gains: `python -m tests.benchmarks.denoise [--clips N] [--limit-db L]`.

Takes clips of the sample project that no training uses, lays noise over them at 10, 5 and 0 dB (white noise;
babble of five other clips), runs the stage `denoise` on them and prints, before and after: the ratio of
signal to noise that is blind to loudness (SI-SDR, Le Roux et al. 2019), and the word error rate of a small
Whisper.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.audio.io import read_audio, write_wav
from engine.dataset import denoise
from engine.dataset.whisper import RATE_HZ, Recogniser
from engine.protocol.builtin import sample_project
from engine.protocol.context import RecordingContext
from engine.protocol.label_list import read_labels
from engine.protocol.recognisers import Precision
from engine.protocol.stages.cleaning import DenoiseParameters
from tests.benchmarks.recognition import Score, Sentence, say, score, sentences
from tests.speech_model import whisper_folder

Wave = NDArray[np.float32]
RATIOS_DB: Final = (10, 5, 0)
TALKERS: Final = 5
SEED: Final = 5


def white(count: int, random: np.random.Generator) -> Wave:
    """Noise of equal power at every frequency."""
    return random.standard_normal(count).astype(np.float32)


class Babble:
    """Several people at once, from the clips that are there for training."""

    def __init__(self) -> None:
        labels = sample_project() / "sample.list"
        self._clips = [labels.parent / row.path for row in read_labels(labels).rows]

    def __call__(self, count: int, random: np.random.Generator) -> Wave:
        """So many samples of it, each talker equally loud."""
        return np.sum([self._talker(count, random) for _ in range(TALKERS)], axis=0, dtype=np.float32)

    def _talker(self, count: int, random: np.random.Generator) -> Wave:
        said = np.zeros(0, np.float32)
        while said.size < count:
            clip = read_audio(self._clips[int(random.integers(len(self._clips)))], RATE_HZ)
            said = np.concatenate((said, clip / max(float(np.sqrt(np.mean(clip**2))), 1e-6)))
        return said[:count]


def mixed(speech: Wave, noise: Wave, ratio_db: float) -> Wave:
    """Speech with noise under it, `ratio_db` quieter than the speech."""
    wanted = np.sqrt(np.mean(speech**2) / np.mean(noise**2)) * 10 ** (-ratio_db / 20)
    return (speech + wanted * noise).astype(np.float32)


def si_sdr_db(wanted: Wave, found: Wave) -> float:
    """Power of what is a scaled copy of `wanted` over the power of the rest, in dB."""
    count = min(wanted.size, found.size)
    target, made = wanted[:count] - wanted[:count].mean(), found[:count] - found[:count].mean()
    copy = target * (float(made @ target) / float(target @ target))
    rest = made - copy
    return float(10 * np.log10(float(copy @ copy) / max(float(rest @ rest), 1e-12)))


def cleaned(folder: Path, limit_db: float) -> Path:
    """The stage's output for a folder."""
    output = folder.with_name(f"{folder.name} clean")
    denoise.run(DenoiseParameters(input=folder, output=output, limit_db=limit_db), RecordingContext())
    return output


def heard(folder: Path, spoken: list[Sentence], listener: Recogniser) -> tuple[float, Score]:
    """Mean SI-SDR and the errors of a folder's clips."""
    files = [folder / f"{one.name}.wav" for one in spoken]
    ratios = [
        si_sdr_db(one.samples, read_audio(file, RATE_HZ)) for one, file in zip(spoken, files, strict=True)
    ]
    errors = score(listener, [(one.text, file) for one, file in zip(spoken, files, strict=True)])
    return float(np.mean(ratios)), errors


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=12, help="sentences to measure on (25 are there)")
    parser.add_argument("--limit-db", type=float, default=12.0, help="strongest reduction")
    given = parser.parse_args()
    spoken = sentences("heldout.list")[: given.clips]
    listener = Recogniser(whisper_folder(), Precision.INT8)
    random = np.random.default_rng(SEED)
    seconds = sum(one.samples.size for one in spoken) / RATE_HZ
    say(f"{len(spoken)} sentences, {seconds:.0f} s; reduction at most {given.limit_db:g} dB")
    say("noise    ratio | SI-SDR before  after   gain | word error before  after")
    with tempfile.TemporaryDirectory() as root:
        for kind, noise in (("none", None), ("white", white), ("babble", Babble())):
            for ratio_db in RATIOS_DB if noise else (0,):
                folder = Path(root) / f"{kind} {ratio_db}"
                folder.mkdir()
                for one in spoken:
                    wave = one.samples
                    if noise is not None:
                        wave = mixed(wave, noise(wave.size, random), ratio_db)
                    write_wav(folder / f"{one.name}.wav", wave / max(1.0, float(np.abs(wave).max())), RATE_HZ)
                before, errors = heard(folder, spoken, listener)
                after, fewer = heard(cleaned(folder, given.limit_db), spoken, listener)
                name = f"{kind:8} {ratio_db:>2} dB" if noise else "none          "
                say(
                    f"{name} | {before:13.1f} {after:6.1f} {after - before:+6.1f} |"
                    f" {errors.rate:17.3f} {fewer.rate:6.3f}"
                )


if __name__ == "__main__":
    main()
