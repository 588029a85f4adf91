"""Korean text as it is spoken, but for numbers in front of counters: those need the parts of speech."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from engine.text.ko.letters import LATIN
from engine.text.ko.loanwords import in_hangul
from engine.text.ko.numbers import cardinal, counted, digit_by_digit

_Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]

_CURRENCIES: Final = MappingProxyType({"$": "달러", "€": "유로", "£": "파운드", "¥": "엔", "₩": "원"})
_UNITS: Final = MappingProxyType(
    {
        "km/h": "킬로미터 퍼 아워",
        "m/s": "미터 퍼 세크",
        "km2": "제곱킬로미터",
        "cm2": "제곱센티미터",
        "m2": "제곱미터",
        "m3": "세제곱미터",
        "km": "킬로미터",
        "cm": "센티미터",
        "mm": "밀리미터",
        "m": "미터",
        "kg": "킬로그램",
        "mg": "밀리그램",
        "g": "그램",
        "t": "톤",
        "ml": "밀리리터",
        "mL": "밀리리터",
        "l": "리터",
        "L": "리터",
        "kHz": "킬로헤르츠",
        "MHz": "메가헤르츠",
        "GHz": "기가헤르츠",
        "Hz": "헤르츠",
        "KB": "킬로바이트",
        "MB": "메가바이트",
        "GB": "기가바이트",
        "TB": "테라바이트",
        "dB": "데시벨",
        "kW": "킬로와트",
        "W": "와트",
        "V": "볼트",
        "kcal": "킬로칼로리",
        "ms": "밀리초",
        "°C": "도",
        "°F": "도",
        "℃": "도",
        "°": "도",
        "%": "퍼센트",
    }
)
_SIGNS: Final = MappingProxyType(
    {"+": "플러스", "×": "곱하기", "÷": "나누기", "=": "은", "&": "앤드", "@": "골뱅이"}
)
_SPACES: Final = MappingProxyType(str.maketrans("\u3000\u00a0\t\r", "    "))
_SQUARED: Final = re.compile(r"[\uff21-\uff3a\uff41-\uff5a\uffa0-\uffdc\u3200-\u33ff％＄￥￦＋＝＆＠－／．]")


def normalise(text: str) -> str:
    """Text with dates, times, units, amounts, decimals and Latin letters in hangul.

    Args:
        text: Anything; what cannot be spoken stays.

    Returns:
        Text in which numbers stand bare or right in front of hangul.
    """
    spoken = "".join(_plain(letter) for letter in text.translate(_SPACES))
    spoken = unicodedata.normalize("NFC", spoken)
    for pattern, by in _RULES:
        spoken = pattern.sub(by, spoken)
    return spoken


def _plain(letter: str) -> str:
    """A digit, letter or squared word in its plain form."""
    if letter.isascii():
        return letter
    kind = unicodedata.category(letter)
    if kind == "Nd":
        return str(unicodedata.digit(letter))
    foldable = kind == "No" or _SQUARED.match(letter)
    return unicodedata.normalize("NFKC", letter) if foldable else letter


def _grouped(found: re.Match[str]) -> str:
    return found[0].replace(",", "")


def _date(found: re.Match[str]) -> str:
    return f"{found['year']}년 {int(found['month'])}월 {int(found['day'])}일"


def _clock(found: re.Match[str]) -> str:
    minute, second = int(found["minute"]), found["second"]
    said = f"{_hour(found['hour'])}시"
    if minute or second:
        said += f" {cardinal(str(minute))}분"
    return f"{said} {cardinal(second)}초" if second else said


def _hour(digits: str) -> str:
    return counted(digits) if 0 < int(digits) <= _HALF_DAY else cardinal(digits)


def _telephone(found: re.Match[str]) -> str:
    return "".join(digit_by_digit(sign) if sign.isdigit() else sign for sign in found[0])


def _fraction(found: re.Match[str]) -> str:
    return f"{cardinal(found[2])}분의 {cardinal(found[1])}"


def _amount(found: re.Match[str]) -> str:
    return f"{found['number']}{found['scale'] or ''}{_CURRENCIES[found['sign']]}"


def _unit(found: re.Match[str]) -> str:
    return _UNITS[found[0].strip()]


def _decimal(found: re.Match[str]) -> str:
    return f"{cardinal(found[1])}쩜{digit_by_digit(found[2])}"


def _version(found: re.Match[str]) -> str:
    return "쩜".join(cardinal(part) for part in found[0].split("."))


def _sign(found: re.Match[str]) -> str:
    return _SIGNS[found[0]]


def _word(found: re.Match[str]) -> str:
    """An English word in hangul; acronyms and words that no dictionary has are spelled later."""
    word = found[0]
    return word if word.isupper() else in_hangul(word) or word


def _letter_names(found: re.Match[str]) -> str:
    return LATIN[found[0].lower()]


_HALF_DAY: Final = 12
_NUMBER: Final = r"[0-9]+(?:\.[0-9]+)?"
_UNIT_NAMES: Final = "|".join(re.escape(name) for name in sorted(_UNITS, key=len, reverse=True))
_RULES: Final[tuple[_Rule, ...]] = (
    (re.compile("⁄"), "/"),
    (re.compile("￦|￥"), lambda found: "₩" if found[0] == "￦" else "¥"),
    (re.compile(r"(?<![0-9,.])[0-9]{1,3}(?:,[0-9]{3})+(?![0-9,])"), _grouped),
    (re.compile(r"(?<=[0-9])\s?[〜～~]\s?(?=[0-9])"), "에서 "),
    (
        re.compile(
            r"(?<![0-9])(?P<year>(?:19|20)[0-9]{2})(?P<between>[-/.])\s?(?P<month>0?[1-9]|1[0-2])"
            r"(?P=between)\s?(?P<day>0?[1-9]|[12][0-9]|3[01])(?![0-9])"
        ),
        _date,
    ),
    (
        re.compile(
            r"(?<![0-9:])(?P<hour>[01]?[0-9]|2[0-4]):(?P<minute>[0-5][0-9])"
            r"(?::(?P<second>[0-5][0-9]))?(?![0-9:])"
        ),
        _clock,
    ),
    (re.compile(r"(?<![0-9-])(?:0[0-9]{1,3}-[0-9]{3,4}-[0-9]{4}|0[0-9]{8,10})(?![0-9-])"), _telephone),
    (re.compile(rf"(?P<sign>[$€£¥₩])\s?(?P<number>{_NUMBER})(?P<scale>\s?[천만억조]+)?"), _amount),
    (re.compile(rf"(?<=[0-9])(?:{_UNIT_NAMES})(?=\s?[〜～~]\s?[0-9])"), _unit),
    (re.compile(r"(?<=[가-힣])\s?[〜～~]\s?(?=[0-9])"), "에서 "),
    (re.compile(r"(?<![0-9A-Za-z가-힣.)-])[-−‐–](?=[0-9])"), "마이너스 "),
    (re.compile(r"(?<![0-9/.])([0-9]+)/([0-9]+)(?![0-9/.])"), _fraction),
    (re.compile(rf"(?<=[0-9])\s?(?:{_UNIT_NAMES})(?![A-Za-z])"), _unit),
    (re.compile(r"(?<![0-9.])[0-9]+(?:\.[0-9]+){2,}(?![0-9.])"), _version),
    (re.compile(r"(?<![0-9.])([0-9]+)\.([0-9]+)(?![0-9.])"), _decimal),
    (re.compile(r"[+×÷=](?=\s?[0-9])|(?<=[A-Za-z0-9])[&@](?=[A-Za-z0-9])"), _sign),
    (re.compile(r"(?<![0-9])6월"), "유월"),
    (re.compile(r"(?<![0-9])10월"), "시월"),
    (re.compile(r"(?<![0-9])1번째"), "첫번째"),
    (re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{3,}(?:'[A-Za-z]+)?(?![A-Za-z0-9])"), _word),
    (re.compile(r"[A-Za-z]"), _letter_names),
    (re.compile(r" +"), " "),
)
