"""Prints the share of vectors that agree, and every deviation with its reason.

python -m tests.parity.deviations [zh en ja ko yue pipeline] [--shares]
"""

import argparse
from collections import Counter

from tests.parity.kit.text_vectors import Comparison, compare_language, compare_pipeline

NAMES = ("zh", "en", "ja", "ko", "yue", "pipeline")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(NAMES), help="which lists; all if none is named")
    parser.add_argument("--shares", action="store_true", help="only the shares")
    arguments = parser.parse_args()
    for name in arguments.names:
        found = compare_pipeline() if name == "pipeline" else compare_language(name)
        print(f"== {name}: {share(found)}")  # noqa: T201
        if not arguments.shares:
            print(details(found))  # noqa: T201


def share(found: Comparison) -> str:
    """One line with the figures, by level and version."""
    levels = Counter((found.records[n]["level"], found.records[n]["version"]) for n in found.comparable)
    same = Counter((found.records[n]["level"], found.records[n]["version"]) for n in found.equal)
    parts = [
        f"{level} {version} {same[level, version]}/{count}"
        for (level, version), count in sorted(levels.items())
    ]
    percent = 100 * len(found.equal) / max(len(found.comparable), 1)
    return (
        f"{len(found.equal)} of {len(found.comparable)} equal ({percent:.1f} %; {', '.join(parts)}), "
        f"{len(found.explained)} explained, {len(found.unexplained)} unexplained, {len(found.stale)} stale; "
        f"{len(found.crashing)} that the original fails on, {len(found.raised)} that we fail on"
    )


def details(found: Comparison) -> str:
    """Every deviation."""
    parts = [found.shown(found.explained)]
    if found.unexplained:
        parts += ["-- not explained:", found.shown(found.unexplained)]
    if found.stale:
        parts += ["-- listed, but equal:", found.shown(found.stale)]
    parts += ["-- the original raises:", found.shown(found.crashing)]
    return "\n".join(parts)


if __name__ == "__main__":
    main()
