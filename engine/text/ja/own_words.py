"""A user's own readings of Japanese words.

Each word is hidden behind a stand-in, a noun that the text does not hold, so that the sentence
around it is understood as before; then the stand-in gets the user's reading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from engine.text.ja.kana import as_said, katakana, moras
from engine.text.ja.openjtalk import OpenJTalk, Word

# Nouns of the dictionary that are part of no longer word.
_STAND_INS: Final = ("蒲公英", "轆轤", "躑躅", "蟋蟀")
_FLAT: Final = 0


class OwnWords:
    """The own words of one text, in the order in which they stand there."""

    def __init__(self, entries: Mapping[str, tuple[str, ...]], text: str) -> None:
        """Takes the entries that the text holds; one without kana does not count.

        Args:
            entries: Word -> reading in kana.
            text: The text as written.
        """
        readings = {word: katakana("".join(units)) for word, units in entries.items() if word in text}
        self._readings = {word: reading for word, reading in readings.items() if word and reading}
        self._stand_in = next((noun for noun in _STAND_INS if noun not in text), "")
        self._waiting: list[str] = []
        self._shown: list[str] = []

    def hide(self, text: str) -> str:
        """The text with stand-ins; the longest word wins."""
        if not self._readings:
            return text
        words = sorted(self._readings, key=len, reverse=True)
        return re.sub("|".join(map(re.escape, words)), self._hidden, text)

    def _hidden(self, found: re.Match[str]) -> str:
        reading = self._readings[found[0]]
        if not self._stand_in:
            return reading
        self._waiting.append(reading)
        self._shown.append(reading)
        return self._stand_in

    def show(self, text: str) -> str:
        """The text with readings in place of the stand-ins."""
        if not self._shown:
            return text
        readings = iter(self._shown)
        return re.sub(self._stand_in, lambda _: next(readings), text)

    def say(self, library: OpenJTalk, text: str) -> list[Word]:
        """Words of a part of the hidden text; parts come in the order of the text."""
        count = text.count(self._stand_in) if self._waiting else 0
        if not count:
            return library.words(text)
        here, self._waiting = self._waiting[:count], self._waiting[count:]
        words = library.words(text)
        if sum(word["string"] == self._stand_in for word in words) != count:
            readings = iter(here)
            return library.words(re.sub(self._stand_in, lambda _: next(readings), text))
        return list(self._with_readings(words, iter(here)))

    def _with_readings(self, words: list[Word], readings: Iterator[str]) -> Iterator[Word]:
        for word in words:
            if word["string"] != self._stand_in:
                yield word
                continue
            said = as_said(next(readings))
            accent = _FLAT if word["chain_flag"] != 1 else word["acc"]
            yield {**word, "read": said, "pron": said, "mora_size": moras(said), "acc": accent}
