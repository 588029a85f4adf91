"""The text front end: what a text sounds like, as phones with their ids."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType
from typing import Final

from engine.protocol.errors import BadParameters
from engine.protocol.languages import LABEL_LANGUAGES, TEXT_MODES
from engine.protocol.versions import version as model_version
from engine.text.dictionary import PLAIN, Pronunciation
from engine.text.segments import runs
from engine.text.spoken import FrontEnd, Spoken, TextSettings
from engine.text.symbols import UNKNOWN, phone_ids, symbol_ids

RULES: Final = "text 3"
"""Changes when the rules do: prepared text of older rules is then made again."""

_FEWEST: Final = 6
_BLANKS: Final = re.compile(" {2,}")
_TABLES: Final = MappingProxyType({"v1": ("zh", "en", "ja"), "v2": LABEL_LANGUAGES})
_NOTHING: Final = Spoken(norm_text=" ", phones=(",",))


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
        phones: Phone symbols of the version's table.
        phone_ids: Their ids in it.
        word2ph: Phones for each character of `norm_text`; None where a part has none.
        segments: The same by language.
    """

    norm_text: str
    phones: tuple[str, ...]
    phone_ids: tuple[int, ...]
    word2ph: tuple[int, ...] | None
    segments: tuple[Segment, ...]


def phonemize(
    text: str, language: str, version: str = "v2", pronunciation: Pronunciation = PLAIN
) -> TextResult:
    """Phones of a text that is all in one language, as labels of clips are.

    Raises:
        BadParameters: the language or the version is not built in.
    """
    _require(language, version)
    return _joined([_segment(language, text, version, pronunciation)], version)


def read_text(text: str, mode: str, version: str = "v2", pronunciation: Pronunciation = PLAIN) -> TextResult:
    """Phones of a text of one or more languages, as it stands.

    Args:
        text: The text.
        mode: How it is read, one of TEXT_MODES.
        version: Model version, for the phone table.
        pronunciation: What the user adds.

    Raises:
        BadParameters: the mode or the version is not built in.
    """
    if mode not in TEXT_MODES:
        raise BadParameters(
            f"The language {mode!r} is not built in.", hint=f"Choose one of: {', '.join(TEXT_MODES)}."
        )
    if not mode.startswith("auto"):
        _require(mode.removeprefix("all_"), version)
    found = runs(text, mode, pronunciation.detector)
    return _joined([_segment(run.language, run.text, version, pronunciation) for run in found], version)


def phonemize_piece(
    text: str, mode: str, version: str = "v2", pronunciation: Pronunciation = PLAIN
) -> TextResult:
    """As `read_text`, for a piece that is to be spoken: a very short one gets a pause in front.

    The networks stumble over fewer than six phones.
    """
    text = _BLANKS.sub(" ", text)
    result = read_text(text, mode, version, pronunciation)
    if len(result.phones) < _FEWEST:
        return read_text(_with_pause(text, mode), mode, version, pronunciation)
    return result


def languages() -> tuple[str, ...]:
    """Codes of the languages that are built in."""
    return tuple(language for language in LABEL_LANGUAGES if _installed(language))


def _with_pause(text: str, mode: str) -> str:
    """A text with a full stop in front that is no decimal point of a number behind it."""
    if not text[:1].isdigit():
        return f".{text}"
    return f". {text}" if mode == "en" else f"。{text}"


def _segment(language: str, text: str, version: str, pronunciation: Pronunciation) -> Segment:
    spoken = _NOTHING
    if language in _TABLES[model_version(version).symbols]:
        spoken = _spoken(language, text, pronunciation.settings(language, version))
    table = symbol_ids(version)
    return Segment(
        language=language,
        text=text,
        norm_text=spoken.norm_text,
        phones=tuple(phone if phone in table else UNKNOWN for phone in spoken.phones),
        word2ph=spoken.word2ph,
    )


def _joined(segments: Iterable[Segment], version: str) -> TextResult:
    segments = tuple(segments)
    phones = tuple(phone for segment in segments for phone in segment.phones)
    counts = [segment.word2ph for segment in segments if segment.word2ph is not None]
    whole = bool(segments) and len(counts) == len(segments)
    return TextResult(
        norm_text="".join(segment.norm_text for segment in segments),
        phones=phones,
        phone_ids=phone_ids(phones, version),
        word2ph=tuple(number for count in counts for number in count) if whole else None,
        segments=segments,
    )


def _require(language: str, version: str) -> None:
    """Refuses a language that is unknown, or that the version's models cannot speak."""
    if language not in LABEL_LANGUAGES or not _installed(language):
        raise BadParameters(
            f"The language {language!r} is not built in.", hint=f"Choose one of: {', '.join(languages())}."
        )
    known = _TABLES[model_version(version).symbols]
    if language not in known:
        raise BadParameters(
            f"Models of version {version} do not speak {language!r}.",
            hint=f"Choose one of: {', '.join(known)}; or a newer model version.",
        )


@cache
def _installed(language: str) -> bool:
    try:
        return find_spec(f"engine.text.{language}.phones") is not None
    except ModuleNotFoundError:
        return False


@cache
def _front_end(language: str) -> FrontEnd:
    """A language's front end, loaded when it is first needed."""
    front_end: FrontEnd = import_module(f"engine.text.{language}.phones").to_phones
    return front_end


def _spoken(language: str, text: str, settings: TextSettings) -> Spoken:
    """What a language's front end makes of a text.

    Raises:
        BadParameters: a library that it needs is not installed; some have none for the newest Python.
    """
    try:
        return _front_end(language)(text, settings)
    except ModuleNotFoundError as error:
        raise BadParameters(
            f"The language {language!r} cannot be spoken: the library {error.name!r} is not installed.",
            hint="Install the program with Python 3.11 or 3.12, where every language is there.",
        ) from error
