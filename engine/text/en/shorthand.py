"""What English writes short and says long: addresses, phone numbers, ranges, versions, numerals."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from engine.text.en.numbers import spelled

_ADDRESS: Final = re.compile(
    r"(?<![\w@])(?:https?://)?((?:[\w+\-]+(?:\.[\w+\-]+)*@)?(?:[A-Za-z0-9\-]+\.)+"
    r"(?:com|org|net|edu|gov|io|ai|dev|app|co|uk|de|jp|cn|kr|hk|tw|fr|eu|us|info|me|tv)(?:/[\w\-./?=&%]*\w)?/?)"
    r"(?![\w.]*\w)",
    re.ASCII,
)
_PHONE: Final = re.compile(
    r"(?<![\w.-])(?:\+(\d{1,3})[ -])?(?:\((\d{3})\) ?|(\d{3})[ -])?(\d{3})-(\d{4})(?![\w-])", re.ASCII
)
_RANGE: Final = re.compile(
    r"(?<![\w.,:-])([$£€¥]?\d[\d,.:]*)(?:-| ?– ?)(?=[$£€¥]?\d[\d,.:]*(?:%|[A-Za-z°]*\b)(?![-/]\d))(?!\d+-)",
    re.ASCII,
)
_MONEY_RANGE: Final = re.compile(r"([$£€¥])(\d[\d,.]*)[-–]\1?(?=\d)(\d[\d,.]*\d|\d)(?![-/]\d)", re.ASCII)
_RATIO: Final = re.compile(r"(?<![\d:.])(\d{1,4}):(\d{1,4})(?![\d:])", re.ASCII)
_VERSION: Final = re.compile(r"(?<![\w.])(\d+(?:\.\d+){2,})(?![\w.]*\d)", re.ASCII)
_NUMERAL: Final = re.compile(
    r"\b(Chapter|Part|Volume|Act|Scene|Section|War|Phase|Type|Class|Level|Book|Season|Episode|Mark|Pope|King"
    r"|Queen|Henry|Louis|Elizabeth|Charles|Edward|George|Fantasy|Title|Article|Appendix) ([IVX]{1,5})\b"
)
_VALUES: Final[Mapping[str, int]] = MappingProxyType({"I": 1, "V": 5, "X": 10})
_HALVES: Final[Mapping[str, str]] = MappingProxyType(
    {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅛": "1/8"}
)
_MONTHS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Jan": "January",
        "Feb": "February",
        "Mar": "March",
        "Apr": "April",
        "Jun": "June",
        "Jul": "July",
        "Aug": "August",
        "Sep": "September",
        "Sept": "September",
        "Oct": "October",
        "Nov": "November",
        "Dec": "December",
    }
)
_MONTH: Final = re.compile(rf"\b({'|'.join(_MONTHS)})\.?(?= \d)")
_DAYS: Final = re.compile(r"\b(Mon|Tue|Tues|Wed|Thu|Thur|Thurs|Fri)\.(\s*$)?")
_DAY_NAMES: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
_HOUR: Final = re.compile(r"(?<![\d:.])(1[0-2]|[1-9]) ?(?:([ap])m|([ap])\.m\.(?!\s*$))(?!\w)", re.ASCII)
_POWERS: Final[Mapping[str, str]] = MappingProxyType({"²": " squared", "³": " cubed"})
_SCALES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "K": "thousand",
        "k": "thousand",
        "M": "million",
        "m": "million",
        "mn": "million",
        "B": "billion",
        "bn": "billion",
    }
)
_BIG_MONEY: Final = re.compile(r"([$£€¥]\d+(?:\.\d+)?)(bn|mn|[KkMmB])\b", re.ASCII)


def write_out(text: str) -> str:
    """A text with what is written short in the form that the other rules read."""
    text = "".join(_HALVES.get(sign) or sign for sign in re.sub(r"(?<=\d)([½⅓⅔¼¾⅕⅛])", r" and \1", text))
    for pattern, said in _RULES:
        text = pattern.sub(said, text)
    return text


def _address(found: re.Match[str]) -> str:
    """Names and signs of a web or mail address; www as three letters."""
    signs = {".": " dot ", "@": " at ", "/": " slash ", "-": " dash ", "_": " underscore ", "=": " equals "}
    plain = re.sub(r"\bwww\b", "W W W", found[1].rstrip("/"))
    return "".join(signs.get(sign, sign if sign.isalnum() or sign == " " else " ") for sign in plain)


def _phone(found: re.Match[str]) -> str:
    groups = [spelled(group) for group in found.groups() if group]
    return ("plus " if found[1] else "") + ", ".join(groups)


def _numeral(found: re.Match[str]) -> str:
    values = [_VALUES[letter] for letter in found[2]]
    signed = (-value if value < max(values[place:]) else value for place, value in enumerate(values))
    return f"{found[1]} {sum(signed)}"


def _hour(found: re.Match[str]) -> str:
    return f"{found[1]} {(found[2] or found[3]).upper()} M"


def _day(found: re.Match[str]) -> str:
    name = next(day for day in _DAY_NAMES if day.startswith(found[1][:3]))
    return name if found[2] is None else f"{name}."


_RULES: Final[tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...]] = (
    (_ADDRESS, _address),
    (_PHONE, _phone),
    (_BIG_MONEY, lambda found: f"{found[1]} {_SCALES[found[2]]}"),
    (re.compile(r"\b24/7\b", re.ASCII), lambda _: "24 7"),
    (_NUMERAL, _numeral),
    (_MONTH, lambda found: _MONTHS[found[1]]),
    (_DAYS, _day),
    (_HOUR, _hour),
    (_VERSION, lambda found: found[1].replace(".", " point ")),
    (_MONEY_RANGE, r"\2 to \1\3"),
    (_RANGE, lambda found: f"{found[1]} to "),
    (re.compile("(?<=[0-9A-Za-z])[²³]"), lambda found: _POWERS[found[0]]),
    (re.compile(r"#(?=\d)"), lambda _: "number "),
    (re.compile(r"(?<=\w) > (?=\w)"), lambda _: " is greater than "),
    (re.compile(r"(?<=\w) < (?=\w)"), lambda _: " is less than "),
)


def ratios(text: str) -> str:
    """`16:9` -> sixteen to nine; what is a time has been read before."""
    return _RATIO.sub(r"\1 to \2", text)
