"""The user's own pronunciations: plain files that people can share.

One entry a line, three columns parted by tabs: language, word, how it is said.

    # names of our game
    zh	头发	tou2 fa5
    en	Zhongli	JH UH1 NG L IY0
    ja	中離	チュウリ
    ko	김치	김치
    yue	食飯	sik6 faan6

A Chinese or Cantonese word has one syllable a character, with its tone digit.  English is written in
ARPAbet with stress digits, Japanese in kana, Korean in hangul.  A line that begins with # is a
remark.  English words fit in any case, those all in capitals only as they are.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from engine.protocol.languages import LABEL_LANGUAGES
from engine.protocol.user_folders import data_folder
from engine.protocol.workspace import PRETRAINED
from engine.text.spoken import TextSettings

FILE: Final = "dictionary.txt"

Entries = Mapping[str, tuple[str, ...]]

log = logging.getLogger(__name__)

_NONE: Final[Entries] = MappingProxyType({})
_COLUMNS: Final = 3
_HANZI: Final = re.compile(r"[\u3400-\u9fff〇々\U00020000-\U0003ffff]+")
_VOWELS: Final = "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW"
_CONSONANTS: Final = "B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH"
_ARPABET: Final = frozenset(_CONSONANTS.split()) | {f"{v}{s}" for v in _VOWELS.split() for s in "012"}
_JYUTPING: Final = re.compile(
    r"(?:ng|gw|kw|[bpmfdtnlgkhwzcsj])?"
    r"(?:aai|aau|aam|aan|aang|aap|aat|aak|aa|ai|au|am|an|ang|ap|at|ak|a|ei|eu|em|en|eng|ep|et|ek|e"
    r"|iu|im|in|ing|ip|it|ik|i|oi|ou|on|ong|ot|ok|o|ui|un|ung|ut|uk|u|oeng|oet|oek|oe|eoi|eon|eot"
    r"|yun|yut|yu|m|ng)[1-6]"
)
_KANA: Final = re.compile(r"[\u3041-\u3096\u30a1-\u30faー]+")
_HANGUL: Final = re.compile(r"[\uac00-\ud7a3]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dictionary:
    """Pronunciations by language.

    Attributes:
        languages: Language -> word -> its units in that language.
        problems: What is wrong with the files, one sentence a line that was left out.
    """

    languages: Mapping[str, Entries] = field(default_factory=lambda: MappingProxyType({}))
    problems: tuple[str, ...] = ()

    def entries(self, language: str) -> Entries:
        """Word -> units of one language."""
        return self.languages.get(language, _NONE)

    def matching(self, text: str, language: str) -> tuple[str, ...]:
        """The entries that change how a text is read, each as one string."""
        entries = self.entries(language)
        if not entries:
            return ()
        seen = _as_matched(text, language)
        return tuple(
            f"{word}={' '.join(units)}" for word, units in sorted(entries.items()) if word.casefold() in seen
        )

    def over(self, other: Dictionary) -> Dictionary:
        """Both together; where both know a word, this one wins."""
        names = {*self.languages, *other.languages}
        both = {name: MappingProxyType({**other.entries(name), **self.entries(name)}) for name in names}
        return Dictionary(languages=MappingProxyType(both), problems=(*other.problems, *self.problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pronunciation:
    """What the user adds to the rules.

    Attributes:
        dictionary: The user's own pronunciations.
        polyphones: Folder of a g2pW model for Chinese, if the user has one.
        detector: File of the large language detector, if the user has it.
    """

    dictionary: Dictionary = field(default_factory=Dictionary)
    polyphones: str | None = None
    detector: str | None = None

    def settings(self, language: str, version: str) -> TextSettings:
        """What the front end of one language is told."""
        return TextSettings(
            version=version, entries=self.dictionary.entries(language), polyphones=self.polyphones
        )


PLAIN: Final = Pronunciation()


def pronunciation_of(workspace: Path, shared: Path | None = None) -> Pronunciation:
    """What the user added, for a project and for all of them; the project wins.

    What is wrong with the files is in `dictionary.problems` and in the log.

    Args:
        workspace: Folder of the project, with its `dictionary.txt` and a g2pW model if there is one.
        shared: The file for all projects; None takes the one in the user's data folder.
    """
    everywhere = read_dictionary(shared or data_folder() / FILE)
    dictionary = read_dictionary(workspace / FILE).over(everywhere)
    for problem in dictionary.problems:
        log.warning("%s", problem)
    model = workspace / "GPT_SoVITS" / "text" / "G2PWModel"
    detector = workspace / PRETRAINED / "fast_langdetect" / "lid.176.bin"
    return Pronunciation(
        dictionary=dictionary,
        polyphones=str(model) if model.is_dir() else None,
        detector=str(detector) if detector.is_file() else None,
    )


def read_dictionary(path: Path) -> Dictionary:
    """The entries of a file; none if there is no file. A line that cannot be used is left out and named."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return Dictionary()
    except UnicodeDecodeError:
        return Dictionary(problems=(f"{path} is not UTF-8 text: save it as UTF-8.",))
    except OSError as error:
        return Dictionary(problems=(f"{path} cannot be read: {error.strerror or error}.",))
    return parse_dictionary(text.split("\n"), str(path))


def parse_dictionary(lines: Iterable[str], name: str) -> Dictionary:
    """The entries of some lines; of two for one word the later wins.

    Args:
        lines: As in a file.
        name: What problems call it.
    """
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    problems: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            language, word, units = _entry(line)
        except _Wrong as wrong:
            problems.append(f"{name}, line {number}: {wrong}")
            continue
        found.setdefault(language, {})[word] = units
    languages = {language: MappingProxyType(entries) for language, entries in found.items()}
    return Dictionary(languages=MappingProxyType(languages), problems=tuple(problems))


class _Wrong(Exception):
    """Why a line cannot be used."""


def _entry(line: str) -> tuple[str, str, tuple[str, ...]]:
    columns = [column.strip() for column in line.split("\t")]
    if len(columns) != _COLUMNS:
        raise _Wrong("it must have three columns parted by tabs: language, word, how it is said.")
    language, word, said = columns
    language = language.lower()
    if language not in LABEL_LANGUAGES:
        raise _Wrong(
            f"the language {columns[0]!r} is not known; choose one of: {', '.join(LABEL_LANGUAGES)}."
        )
    if not word:
        raise _Wrong("the word is missing.")
    units = tuple(said.upper().split() if language == "en" else said.lower().split())
    if not units:
        raise _Wrong(f"it does not say how {word!r} is said.")
    about = _units(language)
    for unit in units:
        if not about.fits(unit):
            raise _Wrong(f"{unit!r} is no {about.title}.")
    if about.per_character:
        _check_hanzi(word, units)
    return language, word, units


def _check_hanzi(word: str, units: tuple[str, ...]) -> None:
    if not _HANZI.fullmatch(word):
        raise _Wrong(f"{word!r} must be of Chinese characters only.")
    if len(word) != len(units):
        raise _Wrong(f"{word!r} has {len(word)} characters, but {len(units)} syllables.")


@dataclass(frozen=True, slots=True)
class _Units:
    """What the pronunciations of a language are made of."""

    title: str
    fits: Callable[[str], object]
    per_character: bool = False


@cache
def _units(language: str) -> _Units:
    from engine.text.zh.syllables import is_syllable

    return {
        "zh": _Units("pinyin syllable with a tone digit from 1 to 5", is_syllable, per_character=True),
        "yue": _Units("Jyutping syllable with a tone digit", _JYUTPING.fullmatch, per_character=True),
        "en": _Units("sound of ARPAbet (vowels need a stress digit: 0, 1 or 2)", _ARPABET.__contains__),
        "ja": _Units("kana", _KANA.fullmatch),
        "ko": _Units("hangul", _HANGUL.fullmatch),
    }[language]


def _as_matched(text: str, language: str) -> str:
    """A text as entries are looked for in it: Chinese also in simplified characters."""
    if language not in ("zh", "yue"):
        return text.casefold()
    from engine.text.zh.signs import plain

    return f"{text}\n{plain(text)}".casefold()
