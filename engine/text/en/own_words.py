"""A user's own pronunciations of English words.

Each word is hidden behind a stand-in, a small-lettered word that no text holds, so that numbers and
capitals in it are left alone; later the stand-in gets the user's phones.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Mapping
from typing import Final

_MARK: Final = "zqvx"
_END: Final = "xvqz"
STAND_IN: Final = re.compile(f"{_MARK}([a-z]+){_END}")


class OwnWords:
    """The own words that one text holds."""

    def __init__(self, entries: Mapping[str, tuple[str, ...]], text: str) -> None:
        """Takes the entries that may be in the text.

        Args:
            entries: Word -> phones; a word all in capitals fits only as it is, another in any case.
            text: The text as written.
        """
        lower = text.lower()
        self._entries = sorted(
            ((word, phones) for word, phones in entries.items() if word and word.lower() in lower),
            key=lambda entry: len(entry[0]),
            reverse=True,
        )
        if _MARK in lower:
            self._entries = []
        self._shown: list[str] = []
        self._said: list[tuple[str, ...]] = []

    def hide(self, text: str) -> str:
        """The text with stand-ins; the longest word wins."""
        if not self._entries:
            return text
        alternatives = "|".join(f"({self._pattern(word)})" for word, _ in self._entries)
        return re.sub(rf"(?<![A-Za-z])(?:{alternatives})(?![A-Za-z])", self._hidden, text)

    def _pattern(self, word: str) -> str:
        shout = len(word) > 1 and word.isupper()
        return re.escape(word) if shout else f"(?i:{re.escape(word)})"

    def _hidden(self, found: re.Match[str]) -> str:
        self._shown.append(found[0])
        self._said.append(self._entries[(found.lastindex or 1) - 1][1])
        return f"{_MARK}{_letters(len(self._said) - 1)}{_END}"

    def show(self, text: str) -> str:
        """The text with the words again in place of the stand-ins."""
        return STAND_IN.sub(lambda found: self._shown[_number(found[1])], text) if self._shown else text

    def phones(self, stand_in: str) -> tuple[str, ...] | None:
        """The user's phones of a word that is a stand-in; None for any other word."""
        found = STAND_IN.fullmatch(stand_in) if self._said else None
        return self._said[_number(found[1])] if found else None


def _letters(number: int) -> str:
    """A number in letters that spelling rules leave alone."""
    return "".join(string.ascii_lowercase[int(digit)] for digit in str(number))


def _number(letters: Iterable[str]) -> int:
    return int("".join(str(string.ascii_lowercase.index(letter)) for letter in letters))
