"""OpenJTalk: words with their readings and accents, and the labels that it makes of them.

The library is any that is imported as `pyopenjtalk`; only its class is used, since the functions
around it download, or correct, behind our back.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Final

from engine.protocol.errors import MissingFile
from engine.text.native_folder import native_folder

MOST_LETTERS: Final = 500
"""Longest stretch that is given at once: the library has a buffer of fixed size and ends the
process when it is too small; its time grows with the square of the length, too."""

Word = dict[str, Any]
"""A word as the library tells it: `string`, `pron`, `mora_size`, `acc`, `chain_flag` and more."""


@dataclass(frozen=True, slots=True)
class OpenJTalk:
    """The library with its dictionary loaded; one call at a time, since it works in place."""

    _library: Any
    _turn: Lock = field(default_factory=Lock)

    def words(self, text: str) -> list[Word]:
        """Words of a text of at most `MOST_LETTERS` characters."""
        with self._turn:
            found: list[Word] = self._library.run_frontend(text)
        return found

    def labels(self, words: Sequence[Word]) -> list[str]:
        """Full-context labels of words, one for each phone and for the silences around them."""
        with self._turn:
            found: list[str] = self._library.make_label(list(words))
        return found


@cache
def openjtalk() -> OpenJTalk:
    """OpenJTalk, loaded once.

    Raises:
        MissingFile: the dictionary that comes with the library is not there.
    """
    import pyopenjtalk
    from pyopenjtalk.openjtalk import OpenJTalk as Library

    dictionary = Path(os.fsdecode(pyopenjtalk.OPEN_JTALK_DICT_DIR))
    if not (dictionary / "sys.dic").is_file():
        raise MissingFile(
            f"The dictionary for Japanese is not in {dictionary}.", hint="Install the program again."
        )
    return OpenJTalk(Library(dn_mecab=str(native_folder(dictionary)).encode("utf-8")))
