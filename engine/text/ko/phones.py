"""Korean text to phones: the letters of the syllables as they are said."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Final

from engine.protocol.builtin import resource
from engine.text.ko.letters import is_syllable, phones_of, syllable
from engine.text.ko.morphemes import Morpheme, Part, analyser
from engine.text.ko.normalise import normalise
from engine.text.ko.numbers import cardinal, counted, digit_by_digit
from engine.text.ko.sounds import Meeting, alone, met, vowel_of
from engine.text.spoken import Spoken, TextSettings

SPACE: Final = "空"
STOP: Final = "停"
"""Stands for every sign that has no sound."""

_MARKS: Final = MappingProxyType(
    {
        **dict.fromkeys(",、，：；·", ","),
        **dict.fromkeys(".。\n", "."),
        **dict.fromkeys("!！", "!"),
        **dict.fromkeys("?？", "?"),
        "…": "…",
        "-": "-",
        " ": SPACE,
    }
)
# Counters that take native numerals.
_NATIVE_COUNTERS_TEXT: Final = (
    "군데 권 개 그루 닢 대 두 마리 모 모금 뭇 발 발짝 방 번 벌 보루 살 수 술 시 쌈 움큼 정 짝 채 척 첩 축 "
    "켤레 톨 통 명 잔 병 장 달 가지 송이 곳 그릇 자루 상자 조각 줄 시간 사람"
)
_NATIVE_COUNTERS: Final = frozenset(_NATIVE_COUNTERS_TEXT.split())
_LONGEST_COUNTER: Final = 2
_LONGEST_NUMBER: Final = 8
_HANGUL_LETTER: Final = re.compile(r"[ㄱ-ㅎㅏ-ㅣ]")
_NUMBER: Final = re.compile(r"[0-9]+")
# Own words between these signs: nothing inside is changed.
_OPEN: Final = "\ue000"
_CLOSE: Final = "\ue001"
_OWN: Final = re.compile(f"{_OPEN}([^{_CLOSE}]*){_CLOSE}")


@dataclass(frozen=True, slots=True)
class _Letter:
    """A character on its way to its sound.

    Attributes:
        text: The character.
        part: What the morpheme is that it ends; OTHER inside one.
        own: Number of the user's own word that it belongs to; 0 for none.
    """

    text: str
    part: Part = Part.OTHER
    own: int = 0


def to_phones(text: str, settings: TextSettings) -> Spoken:
    """Phones of a Korean text: hangul letters, 空 for a space, 停 for a sign without a sound.

    Source: GPT-SoVITS text/korean.py; parity: tests/parity/test_korean.py.
    """
    letters = _letters(text, settings.entries)
    written = "".join(letter.text for letter in letters)
    letters = _read_numbers(_tagged(letters, written), written)
    phones = list(_phones(letters))
    if phones and _HANGUL_LETTER.match(phones[-1]):
        phones.append(".")
    return Spoken(norm_text="".join(letter.text for letter in letters), phones=tuple(phones))


def _letters(text: str, entries: Mapping[str, tuple[str, ...]]) -> list[_Letter]:
    """The text with signs written out, irregular words as they sound and own words as the user wants."""
    found: list[_Letter] = []
    for number, part in enumerate(_OWN.split(normalise(_with_own(text, entries)))):
        own = number % 2
        said = part if own else _irregular(part)
        found += [_Letter(letter, own=number if own else 0) for letter in said]
    return found


def _with_own(text: str, entries: Mapping[str, tuple[str, ...]]) -> str:
    """The text with own words between signs; the longest wins, one without hangul does not count."""
    text = text.replace(_OPEN, "").replace(_CLOSE, "")
    said = {word: "".join(filter(is_syllable, "".join(units))) for word, units in entries.items()}
    words = sorted((word for word, reading in said.items() if word and reading), key=len, reverse=True)
    if not words:
        return text
    return re.sub("|".join(map(re.escape, words)), lambda found: f"{_OPEN}{said[found[0]]}{_CLOSE}", text)


@cache
def _irregular_words() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Words that sound otherwise than the rules have it."""
    lines = resource("text", "korean_words.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split() for line in lines if line and not line.startswith("#")]
    return tuple((re.compile(rf"(?<![0-9]){re.escape(word)}"), said) for word, said in pairs)


def _irregular(text: str) -> str:
    for word, said in _irregular_words():
        text = word.sub(said, text)
    return text


def _tagged(letters: list[_Letter], written: str) -> list[_Letter]:
    """Letters with the parts of speech at the ends of morphemes; hanja as they are read."""
    tagged = list(letters)
    for morpheme in _morphemes(written):
        last = morpheme.end - 1
        if morpheme.part is not Part.OTHER:
            tagged[last] = replace(tagged[last], part=morpheme.part)
        if len(morpheme.reading) == morpheme.end - morpheme.start and _is_hanja(written[last]):
            for place, letter in zip(range(morpheme.start, morpheme.end), morpheme.reading, strict=True):
                tagged[place] = replace(tagged[place], text=letter)
    return tagged


def _morphemes(written: str) -> Iterable[Morpheme]:
    return analyser().morphemes(written) if written.strip() else ()


def _is_hanja(letter: str) -> bool:
    return "\u4e00" <= letter <= "\u9fff" or "\uf900" <= letter <= "\ufaff"


def _read_numbers(letters: list[_Letter], written: str) -> list[_Letter]:
    """Letters with numbers in words."""
    found: list[_Letter] = []
    end = 0
    for number in _NUMBER.finditer(written):
        found += letters[end : number.start()]
        end = number.end()
        found += [_Letter(letter) for letter in _number(number[0], letters[end : end + _LONGEST_COUNTER + 1])]
    return found + letters[end:]


def _number(digits: str, behind: list[_Letter]) -> str:
    counter = _counter(behind)
    if counter in _NATIVE_COUNTERS:
        return counted(digits)
    if counter or (len(digits) <= _LONGEST_NUMBER and not digits.startswith("0")):
        return cardinal(digits)
    return digit_by_digit(digits)


def _counter(behind: list[_Letter]) -> str:
    """The counter that the letters begin with; empty when they begin with none."""
    text = "".join(letter.text for letter in behind)
    for place, letter in enumerate(behind):
        if letter.part is Part.COUNTER:
            return text[: place + 1]
    return next((name for name in ("시간", "사람", "그릇", "상자", "잔") if text.startswith(name)), "")


def _phones(letters: list[_Letter]) -> Iterator[str]:
    onset = ""  # of the next syllable, as the one before left it
    for place, letter in enumerate(letters):
        if not is_syllable(letter.text):
            yield from _sign(letter.text)
            continue
        parts = syllable(letter.text)
        onset = onset or parts.onset
        yield onset
        yield from phones_of(vowel_of(parts.vowel, written=parts.onset, said=onset))
        coda, onset = _after(letters, place)
        if coda:
            yield coda


def _after(letters: list[_Letter], place: int) -> tuple[str, str]:
    """The coda of a syllable and the onset of the next as they are said; no onset if none follows."""
    letter = letters[place]
    coda = syllable(letter.text).coda
    step = 2 if letters[place + 1 : place + 2] == [_Letter(" ")] else 1
    following = letters[place + step] if place + step < len(letters) else None
    if following is None or not is_syllable(following.text):
        return alone(coda), ""
    parts = syllable(following.text)
    if letter.own and letter.own == following.own:
        return alone(coda), parts.onset
    return met(
        coda,
        Meeting(
            written=letter.text,
            following=parts,
            spaced=step > 1,
            stem=letter.part is Part.STEM,
            ending=letter.part is Part.ENDING,
        ),
    )


def _sign(letter: str) -> Iterator[str]:
    """Phones of a character that is no syllable."""
    if _HANGUL_LETTER.match(letter):
        yield from phones_of(letter)
    else:
        yield _MARKS.get(letter, STOP)
