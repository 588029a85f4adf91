"""How fast text becomes phones: `python -m tests.benchmarks.text_speed [--original FOLDER]`.

For each language, in a process of its own: seconds of import and first use, then characters a second
over the parity vectors of that language. With the folder GPT_SoVITS of a checkout of the original the
same is done with its front ends, turn by turn on the same machine; `--python` names the interpreter that
has its libraries, and variables of the environment such as NLTK_DATA are handed on.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from tests.parity.kit.text_vectors import vectors

LANGUAGES = ("zh", "en", "ja", "ko", "yue")
ROOT = Path(__file__).parent.parent.parent

MEASURE = """
import json, sys, time
texts = json.loads(sys.stdin.read())
begun = time.perf_counter()
{load}
say(texts[0])
first_s = time.perf_counter() - begun
for text in texts:  # what is loaded at the first need of a rule
    say(text)
characters, begun = 0, time.perf_counter()
while time.perf_counter() - begun < {seconds}:
    for text in texts:
        say(text)
        characters += len(text)
print("measured", first_s, characters / (time.perf_counter() - begun))
"""
OURS = """
from engine.text.frontend import phonemize
say = lambda text: phonemize(text, {language!r})
"""
THEIRS = """
from text.cleaner import clean_text
say = lambda text: clean_text(text, {language!r}, "v2")
"""


def texts_of(language: str) -> list[str]:
    """Texts that both can speak."""
    records = vectors([language], levels=["clean"], versions=["v2"]).values()
    return [record["text"] for record in records if "error" not in record]


def measured(
    load: str, language: str, seconds: float, python: str, folder: Path
) -> tuple[float, float] | str:
    """Seconds to the first answer and characters a second, or what went wrong."""
    code = MEASURE.format(load=load.format(language=language), seconds=seconds)
    done = subprocess.run(
        [python, "-c", code],
        input=json.dumps(texts_of(language)).encode(),
        capture_output=True,
        cwd=folder,
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        },
        check=False,
    )
    line = next((line for line in done.stdout.decode().splitlines() if line.startswith("measured ")), "")
    if not line:
        return done.stderr.decode(errors="replace").strip().splitlines()[-1]
    _, first_s, speed = line.split()
    return float(first_s), float(speed)


def main() -> None:
    """Prints a line for each language and each program."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("languages", nargs="*", default=list(LANGUAGES))
    parser.add_argument("--seconds", type=float, default=3, help="how long each is measured")
    parser.add_argument("--original", type=Path, help="folder GPT_SoVITS of a checkout of the original")
    parser.add_argument("--python", default=sys.executable, help="interpreter with the original's libraries")
    arguments = parser.parse_args()
    for language in arguments.languages:
        rows = [("ours", measured(OURS, language, arguments.seconds, sys.executable, ROOT))]
        if arguments.original:
            folder = arguments.original.absolute()
            rows.append(("original", measured(THEIRS, language, arguments.seconds, arguments.python, folder)))
        for name, found in rows:
            if isinstance(found, str):
                sys.stdout.write(f"{language:4} {name:9} cannot be measured: {found}\n")
            else:
                first_s, speed = found
                sys.stdout.write(
                    f"{language:4} {name:9} first use {first_s:6.2f} s, {speed:7.0f} characters a second\n"
                )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
