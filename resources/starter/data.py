"""Builds the speech that the starter voice learns from: `python resources/starter/data.py --out FOLDER`.

A parametric voice of Festival (`cmu_us_slt_arctic_hts`, 32 kHz) reads a few thousand short texts; four
voices of Flite read a few hundred of them, so that the content encoder hears more than one speaker.
Every clip comes with the times of its phones. Needed are the Debian packages

    festival festvox-us-slt-hts flite fortunes bible-kjv bible-kjv-text

The texts: the prompts of the sample project, proverbs and quips of `fortunes`, verses of the King James
Bible, numbers and times, and rows of frequent words. No text of `heldout.list` is among them. The same
packages give the same texts and, but for Flite's own noise, the same sound.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from engine.protocol.builtin import sample_project
from engine.protocol.label_list import read_labels

FORTUNES: Final = Path("/usr/share/games/fortunes")
JARS: Final = (
    "computers",
    "education",
    "food",
    "humorists",
    "kids",
    "literature",
    "medicine",
    "miscellaneous",
    "people",
    "platitudes",
    "riddles",
    "science",
    "wisdom",
    "work",
)
BOOKS: Final = ("Proverbs1:1-31:31", "Matthew1:1-28:20", "Genesis1:1-30:43")
FLITE: Final = ("rms", "awb", "kal16", "slt")
MAIN: Final = "slt"
CHUNK: Final = 150
TEXTS: Final = 12000
"""Asked of all sources together; some of them end before, so that 7,508 are found."""

OTHERS: Final = 150
ONES: Final = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SCHEME: Final = """(voice_cmu_us_slt_arctic_hts)
(define (say text name)
  (let ((utterance (eval (list 'Utterance 'Text text))))
    (utt.synth utterance)
    (utt.save.wave utterance (string-append name ".wav"))
    (utt.save.segs utterance (string-append name ".lab"))))
"""


def plain(text: str) -> str:
    """Letters, apostrophes, commas and ends of sentences; one space between words."""
    return re.sub(r"\s+", " ", re.sub(r"[^A-Za-z',.?! ]", " ", text)).strip()


def phrases(text: str, shortest: int, longest: int) -> Iterator[str]:
    """Stretches between marks that have a fitting number of words, as sentences."""
    for part in re.split(r"[.!?;:,\"()\[\]]+|--", text):
        if re.search(r"[^A-Za-z'\s-]", part):
            continue
        words = part.replace("-", " ").split()
        if shortest <= len(words) <= longest:
            yield " ".join(words)[0].upper() + " ".join(words)[1:] + "."


def prompts() -> list[str]:
    """The sample project's texts."""
    return [row.text for row in read_labels(sample_project() / "sample.list").rows]


def quips() -> list[str]:
    """Short phrases of `fortunes`."""
    found: list[str] = []
    for jar in JARS:
        text = (FORTUNES / jar).read_text(encoding="utf-8", errors="replace")
        for piece in text.split("\n%\n"):
            found += phrases(re.sub(r"\s+", " ", piece), 2, 8)
    return found


def verses() -> list[str]:
    """Short phrases of the King James Bible."""
    found: list[str] = []
    for book in BOOKS:
        done = subprocess.run(["bible", "-f", book], capture_output=True, text=True, check=True)
        for line in done.stdout.splitlines():
            found += phrases(line.partition(" ")[2], 3, 8)
    return found


def number(random: np.random.Generator) -> str:
    """A number below a thousand, in words."""
    if random.random() < 0.4:
        return str(random.choice(ONES))
    value = f"{random.choice(TENS)} {random.choice(ONES[1:10])}"
    return value if random.random() < 0.7 else f"{random.choice(ONES[1:10])} hundred and {value}"


def counted(random: np.random.Generator) -> str:
    """A sentence with a number, a time or digits."""
    kind = int(random.integers(6))
    if kind == 0:
        return " ".join(str(random.choice(ONES[:10])) for _ in range(int(random.integers(3, 6)))) + "."
    if kind == 1:
        return f"Press {random.choice(ONES[:10])} for extension {number(random)}."
    if kind == 2:
        return f"You have {number(random)} new messages."
    if kind == 3:
        return f"The time is {random.choice(ONES[1:])} {random.choice(TENS[:4])}."
    if kind == 4:
        return f"Call me on {random.choice(DAYS)} at {random.choice(ONES[1:])}."
    return f"Dial {number(random)}, then press {random.choice(ONES[:10])}."


def mixtures(frequent: Sequence[str], random: np.random.Generator, count: int) -> list[str]:
    """Rows of three to five frequent words in any order."""
    weights = 1 / np.sqrt(np.arange(1, len(frequent) + 1))
    rows = []
    for _ in range(count):
        words = random.choice(frequent, size=int(random.integers(3, 6)), p=weights / weights.sum())
        rows.append(" ".join(words).capitalize() + ".")
    return rows


def texts(count: int, random: np.random.Generator) -> list[str]:
    """All texts in the order of making; every prefix is a mixture of all sources."""
    held_out = {plain(row.text).lower() for row in read_labels(sample_project() / "heldout.list").rows}
    given = prompts()
    cut = [phrase for text in given for phrase in phrases(text, 2, 6)]
    known = Counter(
        word.lower() for text in (*given, *quips(), *verses()) for word in re.findall(r"[A-Za-z']+", text)
    )
    frequent = [word for word, times in known.most_common(1500) if times > 3 and len(word) > 1]
    common = {word for word, times in known.items() if times > 3}
    sources = {
        "prompts": (0.25, given),
        "cut": (0.15, cut),
        "quips": (0.3, quips()),
        "verses": (0.1, verses()),
        "counted": (0.1, [counted(random) for _ in range(count)]),
        "mixtures": (0.1, mixtures(frequent, random, count)),
    }
    chosen: list[tuple[float, str]] = []
    seen = set(held_out)
    for share, candidates in sources.values():
        taken = 0
        for index in random.permutation(len(candidates)):
            text = plain(candidates[index])
            words = [word.lower() for word in re.findall(r"[A-Za-z']+", text)]
            if text.lower() in seen or len(words) > 14 or not common.issuperset(words):
                continue
            seen.add(text.lower())
            chosen.append((taken / (share * count), text))
            taken += 1
            if taken >= share * count:
                break
    return [text for _, text in sorted(chosen)]


def say_main(batch: Sequence[tuple[str, str]], folder: Path) -> None:
    """Festival reads names and texts; `name.wav` and `name.lab` (end, 100, phone) appear in a folder."""
    with tempfile.TemporaryDirectory() as scratch:
        script = Path(scratch) / "say.scm"
        lines = [f'(say "{text}" "{folder / name}")' for name, text in batch]
        script.write_text(SCHEME + "\n".join(lines) + "\n", encoding="utf-8")
        subprocess.run(["festival", "-b", str(script)], check=True)


def say_flite(voice: str, name: str, text: str, folder: Path) -> None:
    """Flite reads a text; its phone times are written as Festival writes them."""
    asked = ["flite", "-voice", voice, "-psdur", "-t", text, "-o", str(folder / f"{name}.wav")]
    done = subprocess.run(asked, check=True, capture_output=True, text=True)
    ends = [part.rpartition(":") for part in done.stdout.split()]
    lines = ["#", *(f"{end} 100 {phone}" for phone, _, end in ends)]
    (folder / f"{name}.lab").write_text("\n".join(lines) + "\n", encoding="utf-8")


def build(out: Path, count: int, others: int, seed: int) -> None:
    """Makes what is not there yet; `slt.list` and `others.list` name what is complete."""
    clips = out / "clips"
    clips.mkdir(parents=True, exist_ok=True)
    lines = texts(count, np.random.default_rng(seed))
    other_rows = []
    for index, voice in enumerate(FLITE):
        for place, text in enumerate(lines[index * others : (index + 1) * others]):
            name = f"{voice}-{place:04}"
            if not (clips / f"{name}.lab").is_file():
                say_flite(voice, name, text, clips)
            other_rows.append(f"clips/{name}.wav|{voice}|en|{text}")
    (out / "others.list").write_text("\n".join(other_rows) + "\n", encoding="utf-8")
    rows = []
    for start in range(0, len(lines), CHUNK):
        batch = [
            (f"{MAIN}-{start + place:05}", text) for place, text in enumerate(lines[start : start + CHUNK])
        ]
        missing = [(name, text) for name, text in batch if not (clips / f"{name}.lab").is_file()]
        if missing:
            say_main(missing, clips)
        rows += [f"clips/{name}.wav|{MAIN}|en|{text}" for name, text in batch]
        (out / "slt.list").write_text("\n".join(rows) + "\n", encoding="utf-8")
        sys.stdout.write(f"{len(rows)} of {len(lines)} texts\n")
        sys.stdout.flush()


def main() -> None:
    """Builds the data."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=TEXTS, help="texts for the main voice")
    parser.add_argument("--others", type=int, default=OTHERS, help="texts for each of the other voices")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    build(arguments.out.resolve(), arguments.count, arguments.others, arguments.seed)


if __name__ == "__main__":
    main()
