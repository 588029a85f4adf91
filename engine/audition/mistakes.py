"""How much of a text was heard wrong."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from engine.protocol.auditions import error_name


def error_rate(wanted: str, heard: str, language: str) -> float:
    """Words, or characters in languages without spaces, that are wrong, missing or too many.

    Args:
        wanted: what was to be said.
        heard: what was heard.
        language: one of TEXT_MODES.

    Returns:
        Mistakes for each word of the text, 0 for none; more than 1 is cut to 1.
    """
    truth, found = units(wanted, language), units(heard, language)
    if not truth:
        return float(bool(found))
    return min(1.0, edits(truth, found) / len(truth))


def units(text: str, language: str) -> list[str]:
    """The words or characters that count: no marks, no capitals, and forms made equal."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("'", "").replace("’", "")
    spaced = "".join(letter if letter.isalnum() else " " for letter in plain)
    if error_name(language) == "word error" and not any(_is_east_asian(letter) for letter in spaced):
        return spaced.split()
    return [letter for letter in spaced if not letter.isspace()]


def edits(wanted: Sequence[str], found: Sequence[str]) -> int:
    """The fewest replacements, insertions and deletions that make one of the other (Levenshtein)."""
    row = list(range(len(found) + 1))
    for count, one in enumerate(wanted, 1):
        before, row[0] = row[0], count
        for place, other in enumerate(found, 1):
            cost = min(row[place] + 1, row[place - 1] + 1, before + (one != other))
            before, row[place] = row[place], cost
    return row[-1]


def _is_east_asian(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith(("CJK", "HIRAGANA", "KATAKANA", "HANGUL"))
