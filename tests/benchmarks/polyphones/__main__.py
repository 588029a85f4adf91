"""How often polyphones and numbers are read right: `python -m tests.benchmarks.polyphones [--wrong]`.

Chinese only. Polyphones: beside ours the rule of the original without a polyphone model, which is pypinyin
on every word that jieba cuts (tests/parity/test_chinese.py shows that this is what it gives). Numbers: the
stored answers of the original's normaliser.
"""

from __future__ import annotations

import argparse

from tests.benchmarks.polyphones.score import Score, numbers, polyphones


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wrong", action="store_true", help="list what we get wrong")
    arguments = parser.parse_args()
    for title, score in {**polyphones(), **numbers()}.items():
        print(_line(title, score))  # noqa: T201
        if arguments.wrong:
            for wrong in score.wrong:
                print(f"  {wrong}")  # noqa: T201


def _line(title: str, score: Score) -> str:
    ours, original = 100 * score.ours / score.count, 100 * score.original / score.count
    return f"{title:28} {score.count:4} cases   ours {ours:5.1f} %   the original's rule {original:5.1f} %"


if __name__ == "__main__":
    main()
