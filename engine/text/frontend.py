"""The text front end: what a text sounds like, as phones with their ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from engine.protocol.errors import BadParameters
from engine.text.en.phones import to_phones as english
from engine.text.symbols import phone_ids

RULES: Final = "en 1"
"""Changes when the rules do: prepared text of older rules is then made again."""

_FEWEST: Final = 6
_LANGUAGES: Final[Mapping[str, Callable[[str], tuple[str, tuple[str, ...]]]]] = MappingProxyType(
    {"en": english}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of text in one language.

    Attributes:
        language: Its code.
        text: As written.
        norm_text: As spoken.
        phones: Its phones.
        word2ph: Phones for each character of `norm_text`; None where the language has none.
    """

    language: str
    text: str
    norm_text: str
    phones: tuple[str, ...]
    word2ph: tuple[int, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextResult:
    """A text as phones.

    Attributes:
        norm_text: The text as spoken.
        phones: Phone symbols.
        phone_ids: Their ids in the version's table.
        word2ph: Phones for each character of `norm_text`; None where the language has none.
        segments: The same by language.
    """

    norm_text: str
    phones: tuple[str, ...]
    phone_ids: tuple[int, ...]
    word2ph: tuple[int, ...] | None
    segments: tuple[Segment, ...]


def phonemize(text: str, language: str, version: str = "v2") -> TextResult:
    """Phones of a text in one language.

    Raises:
        BadParameters: the language or the version is not built in.
    """
    try:
        front_end = _LANGUAGES[language]
    except KeyError:
        raise BadParameters(
            f"The language {language!r} is not built in.", hint=f"Choose one of: {', '.join(_LANGUAGES)}."
        ) from None
    norm_text, phones = front_end(text)
    segment = Segment(language=language, text=text, norm_text=norm_text, phones=phones, word2ph=None)
    return TextResult(
        norm_text=norm_text,
        phones=phones,
        phone_ids=phone_ids(phones, version),
        word2ph=None,
        segments=(segment,),
    )


def phonemize_piece(text: str, language: str, version: str = "v2") -> TextResult:
    """As `phonemize`, for a piece that is to be spoken: a very short one gets a pause in front.

    The networks stumble over fewer than six phones.
    """
    result = phonemize(text, language, version)
    if len(result.phones) < _FEWEST:
        return phonemize(f".{text}", language, version)
    return result


def languages() -> tuple[str, ...]:
    """Codes of the languages that are built in."""
    return tuple(_LANGUAGES)
