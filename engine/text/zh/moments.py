"""Dates and times of day."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from engine.text.zh.numerals import amount, cardinal, digits

_Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]

_LAST_YEAR: Final = 2200
_HOUR: Final = r"([01]?[0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9]))?"
_HALF: Final = 30


def _dated(found: re.Match[str]) -> str:
    return f"{digits(found[1])}年{cardinal(found[3])}月{cardinal(found[4])}日"


def _month(found: re.Match[str]) -> str:
    return f"{digits(found[1])}年{cardinal(found[2])}月"


def _years(found: re.Match[str]) -> str:
    return f"{digits(found[1])}到{digits(found[2])}"


def _year(found: re.Match[str]) -> str:
    """A year is read digit by digit, a number of years is counted."""
    number = int(found[1])
    counted = number == 0 or number > _LAST_YEAR
    return f"{amount(found[1]) if counted else digits(found[1])}年"


def _short_year(found: re.Match[str]) -> str:
    """98年 is a year, 10年 and 了25年 are counted."""
    before, number, after = found[1] or "", found[2], found[3]
    counted = bool(before) or (number[1] == "0" and number[0] != "0")
    if after == "月":
        counted = False
    return f"{before}{cardinal(number) if counted else digits(number)}年"


def _clock(hour: str, minute: str, second: str | None) -> str:
    said = f"{'两' if int(hour) == 2 else cardinal(hour)}点"
    if int(minute) == _HALF and not second:
        said += "半"
    elif int(minute) or (second and not int(second)):
        said += _two_digits(minute) + "分" if int(minute) else ""
    if second and int(second):
        said += _two_digits(second) + "秒"
    return said


def _two_digits(number: str) -> str:
    return ("零" if number.startswith("0") else "") + cardinal(number)


def _time(found: re.Match[str]) -> str:
    return _clock(found[1], found[2], found[3])


def _times(found: re.Match[str]) -> str:
    return f"{_clock(found[1], found[2], found[3])}至{_clock(found[4], found[5], found[6])}"


RULES: Final[tuple[_Rule, ...]] = (
    (
        re.compile(
            r"(?<![0-9.])([0-9]{4})([-/.])(0?[1-9]|1[0-2])\2(0?[1-9]|[12][0-9]|3[01])(?![0-9]|[.%])[日号]?"
        ),
        _dated,
    ),
    (re.compile(r"(?<![0-9.])((?:19|20)[0-9]{2})[-/](0[1-9]|1[0-2])(?![0-9.%/-])"), _month),
    (re.compile(r"(?<![0-9.])([0-9]{4})[-~—]([0-9]{4})(?=年)"), _years),
    (re.compile(r"(?<![0-9.-])((?:19|20)[0-9]{2})[-~—]((?:19|20)[0-9]{2})(?![0-9.-]|[元个万亿%])"), _years),
    (re.compile(r"(?<![0-9.])([0-9]{4})年"), _year),
    (
        re.compile(r"([了过近约满共达每这前后隔])?(?<![0-9.])([0-9]{2})年(?![前后来间内多以])(?=(.?))"),
        _short_year,
    ),
    (re.compile(r"(?<=公元)(前?)([0-9]+)(?=年)"), lambda found: found[1] + digits(found[2])),
    (
        re.compile(rf"(?<![0-9:.]){_HOUR}[-~—到至]{_HOUR}(?![0-9:])"),
        _times,
    ),
    (re.compile(rf"(?<![0-9:.])(?<!比分)(?<!比分是)(?<!比分为){_HOUR}(?![0-9:])"), _time),
    (re.compile(r"(?<=[0-9]秒)([0-9]{2})(?![0-9.])"), lambda found: digits(found[1])),
    (re.compile(r"(?<=[0-9]):(?=[0-9])"), lambda _: "比"),
)
