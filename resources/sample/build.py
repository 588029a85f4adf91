"""Rebuild the sample project from the unpacked Debian packages of the Asterisk prompts.

    python resources/sample/build.py --packages UNPACKED

UNPACKED is a folder into which the package asterisk-core-sounds-en-g722 was unpacked (`dpkg -x`). Which
prompts are used, where long ones are cut and what is said in them stands in prompts.tsv and recording.tsv
beside this script. Nothing is fetched.
"""

from __future__ import annotations

import argparse
import csv
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import soundfile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Wave = NDArray[np.float32]

log = logging.getLogger(__name__)

RATE_HZ = 16_000
"""Rate of the source and of everything made from it."""
BIT_RATE = 26_000
"""Opus bits per second: speech of 16 kHz keeps its band, and the folder stays under 6 MB."""
SOUNDS = Path("usr/share/asterisk/sounds/en_US_f_Allison")
SPEAKER = "allison"
PAUSE_S = (0.4, 1.2)
"""Shortest and longest pause between the prompts of the long recording."""
ROOM_NOISE = 4e-4
"""RMS of the noise in those pauses: about -68 dB."""
SEED = 20180


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A stretch of one source file and what is said in it.

    Attributes:
        clip: Name of the clip that is made, without suffix.
        source: Name of the prompt in the package, without suffix.
        start_s: Where the stretch begins.
        end_s: Where it ends.
        role: `train` or `heldout`.
        text: The words spoken.
    """

    clip: str
    source: str
    start_s: float
    end_s: float
    role: str
    text: str


def read_prompts(table: Path) -> list[Prompt]:
    """The rows of prompts.tsv."""
    with table.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [
            Prompt(
                clip=row["clip"],
                source=row["source"],
                start_s=float(row["start_s"]),
                end_s=float(row["end_s"]),
                role=row["role"],
                text=row["text"],
            )
            for row in rows
        ]


def decode_g722(path: Path) -> Wave:
    """(S,) float32 in [-1, 1] at RATE_HZ of a raw G.722 file."""
    with av.open(str(path), format="g722") as container:
        frames = [frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)]
    wave: Wave = np.concatenate(frames).astype(np.float32) / np.float32(32_768)
    return wave


def write_opus(path: Path, wave: Wave) -> None:
    """Write (S,) float32 in [-1, 1] at RATE_HZ as Ogg Opus of one channel."""
    pcm = np.clip(np.round(wave * 32_767), -32_768, 32_767).astype(np.int16)
    with av.open(str(path), "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=RATE_HZ, layout="mono")
        stream.bit_rate = BIT_RATE
        frame = av.AudioFrame.from_ndarray(pcm[None, :], format="s16", layout="mono")
        frame.sample_rate = RATE_HZ
        frame.pts = 0
        for packet in stream.encode(frame):
            container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)


def room_noise(samples: int, generator: np.random.Generator) -> Wave:
    """(samples,) quiet noise with less treble than white noise, as a room has."""
    white = generator.standard_normal(samples + 8)
    soft = np.convolve(white, np.full(8, 1 / 8), mode="valid")[:samples]
    noise: Wave = (soft / np.sqrt(np.mean(soft**2)) * ROOM_NOISE).astype(np.float32)
    return noise


def build_clips(prompts: list[Prompt], sounds: Path, clips: Path) -> None:
    """Write each prompt's stretch to `clips`."""
    clips.mkdir(parents=True, exist_ok=True)
    for prompt in prompts:
        wave = decode_g722(sounds / f"{prompt.source}.g722")
        stretch = wave[round(prompt.start_s * RATE_HZ) : round(prompt.end_s * RATE_HZ)]
        write_opus(clips / f"{prompt.clip}.opus", stretch)
    log.info("%d clips", len(prompts))


def write_list(path: Path, prompts: list[Prompt]) -> None:
    """Write a label list whose audio paths are relative to it."""
    rows = [f"clips/{prompt.clip}.opus|{SPEAKER}|en|{prompt.text}\n" for prompt in prompts]
    path.write_text("".join(rows), encoding="utf-8", newline="\n")


def build_recording(folder: Path, sounds: Path) -> None:
    """Write the long recording and its transcript."""
    with (folder / "recording.tsv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    generator = np.random.default_rng(SEED)
    parts: list[Wave] = []
    for row in rows:
        parts.append(np.zeros(round(generator.uniform(*PAUSE_S) * RATE_HZ), dtype=np.float32))
        parts.append(decode_g722(sounds / f"{row['source']}.g722"))
    parts.append(np.zeros(round(PAUSE_S[1] * RATE_HZ), dtype=np.float32))
    wave = np.concatenate(parts)
    write_opus(folder / "recording.opus", wave + room_noise(len(wave), generator))
    text = "\n".join(row["text"] for row in rows) + "\n"
    (folder / "recording.txt").write_text(text, encoding="utf-8", newline="\n")
    log.info("recording of %.0f s", len(wave) / RATE_HZ)


def check(folder: Path, prompts: list[Prompt]) -> None:
    """Log what was made: count, duration and levels.

    Raises:
        ValueError: A clip's duration is not the stretch that it was cut from.
    """
    seconds = []
    for prompt in prompts:
        wave, rate_hz = soundfile.read(folder / "clips" / f"{prompt.clip}.opus", dtype="float32")
        seconds.append(len(wave) / rate_hz)
        if abs(seconds[-1] - (prompt.end_s - prompt.start_s)) > 0.03:
            raise ValueError(f"{prompt.clip} lasts {seconds[-1]:.2f} s")
    log.info("%.1f min, %.2f to %.2f s", sum(seconds) / 60, min(seconds), max(seconds))


def main() -> None:
    """Read the command line and rebuild the folder that this script lies in."""
    parser = argparse.ArgumentParser(description="Rebuild the sample project.")
    parser.add_argument("--packages", type=Path, required=True, help="folder with the unpacked package")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="the sample project")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    folder: Path = options.out
    sounds: Path = options.packages / SOUNDS
    prompts = read_prompts(folder / "prompts.tsv")
    build_clips(prompts, sounds, folder / "clips")
    write_list(folder / "sample.list", [prompt for prompt in prompts if prompt.role == "train"])
    write_list(folder / "heldout.list", [prompt for prompt in prompts if prompt.role == "heldout"])
    build_recording(folder, sounds)
    check(folder, prompts)


if __name__ == "__main__":
    main()
