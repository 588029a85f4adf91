"""What every language's front end takes and gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """A text in one language as it is spoken.

    Attributes:
        norm_text: The text with numbers and signs written out.
        phones: Phone symbols; one that the version's table lacks becomes UNK later.
        word2ph: Phones for each character of `norm_text` (Chinese and Cantonese); None elsewhere.
    """

    norm_text: str
    phones: tuple[str, ...]
    word2ph: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSettings:
    """What a front end is told beside the text.

    Attributes:
        version: Model version, for the phone table.
        entries: The user's own pronunciations of this language: word -> units of the language
            (pinyin with tone digit, ARPAbet, kana, jyutping, hangul); they win over everything.
        polyphones: Folder of a g2pW model for Chinese, if the user has one.
    """

    version: str = "v2"
    entries: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    polyphones: str | None = None


class FrontEnd(Protocol):
    """A language's way from text to phones; total: any text gives something, and never an error."""

    def __call__(self, text: str, settings: TextSettings) -> Spoken:
        """Phones of a text in this language."""
        ...
