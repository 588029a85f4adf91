"""Chinese text as it is spoken: numbers and signs written out, only characters and marks left."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from engine.text.zh import amounts, moments
from engine.text.zh.numerals import cardinal, decimal, digits
from engine.text.zh.readings import read_character
from engine.text.zh.signs import FIRST_PLACE, LAST_PLACE, LONG_PAUSE, SHORT_PAUSE

_Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]
_MARK_OF: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys("：，、·；;:‧・", ","),
        "。": ".",
        "\n": ".",
        "．": ".",
        "｡": ".",
        "！": "!",
        "？": "?",
        "—": "-",
        "~": "…",
        "～": "…",
    }
)
_SIGN_OF: Final[Mapping[str, str]] = MappingProxyType(
    {"+": "加", "×": "乘", "÷": "除", "=": "等于", "°": "度", "±": "正负", "≈": "约等于"}
)
_POWERS: Final[Mapping[int, str]] = MappingProxyType(
    str.maketrans({"²": "2", "³": "3", "¹": "1", "⁰": "0", "⁻": "-"})
    | {0x2070 + digit: str(digit) for digit in range(4, 10)}
)
_FORMULA: Final = re.compile(r"[0-9A-Za-z.+×÷*/=²³()-]+")
_MARKS: Final = "!?…,.-" + LONG_PAUSE + SHORT_PAUSE


def normalise(text: str) -> str:
    """The text as spoken: characters that have a reading, and the marks `! ? … , . -`.

    The user's pauses ^ and ￥ come back as `LONG_PAUSE` and `SHORT_PAUSE`, and places of words untouched.

    Args:
        text: A text that went through `signs.plain`.
    """
    text = re.sub(r"\.{2,}|。{2,}(?=…)", "…", text)
    text = re.sub("(?<=[0-9])([<>])(?=[0-9])", lambda found: "大于" if found[1] == ">" else "小于", text)
    text = re.sub(r"——|[《》【】<>{}()（）#@“”_|\\]", "", text)
    text = _FORMULA.sub(_formula, text)
    for pattern, spoken in _RULES:
        text = pattern.sub(spoken, text)
    return _only_spoken(text)


def _formula(found: re.Match[str]) -> str:
    """In an equation a line is a minus and a stroke a division."""
    text = found[0]
    if "=" not in text:
        return re.sub(r"(?<=[0-9])\*(?=[0-9])", "乘", text)
    text = re.sub(r"(?<=[0-9A-Za-z²³])-(?=[0-9A-Za-z.])", "减", text)
    return re.sub(r"(?<=[0-9A-Za-z])/(?=[0-9A-Za-z])", "除以", text).replace("*", "乘")


def _number(found: re.Match[str]) -> str:
    """A number that nothing around it explains: short ones are amounts, long ones name something."""
    text = found[0]
    if len(text) < 3 and not (len(text) > 1 and text[0] == "0"):
        return cardinal(text)
    return digits(text, one="幺")


def _power(found: re.Match[str]) -> str:
    power = found[0].translate(_POWERS)
    sign = "负" if power.startswith("-") else ""
    shown = re.sub("[^0-9]", "", power)
    return f"的{sign}{cardinal(shown)}次方" if shown else ""


_RULES: Final[tuple[_Rule, ...]] = (
    *moments.RULES,
    *amounts.RULES,
    (re.compile("[¹²³⁰⁴-⁹⁻]+"), _power),
    (
        re.compile(r"[0-9]+(?:\.[0-9]+){2,}"),
        lambda found: "点".join(_version_part(part) for part in found[0].split(".")),
    ),
    (re.compile(r"([0-9]+)\.([0-9]+)"), lambda found: decimal(found[1], found[2])),
    (re.compile(r"(?<=[一-龥])\.([0-9]+)"), lambda found: decimal("0", found[1])),
    (re.compile("[0-9]+"), _number),
    (re.compile(r"(?<=[0-9一-龥])&(?=[0-9一-龥])"), lambda _: "和"),
)


def _version_part(part: str) -> str:
    return digits(part)


def _only_spoken(text: str) -> str:
    """Signs that are left become words or marks, the rest goes; of several marks the first stays."""
    spoken: list[str] = []
    for place, sign in enumerate(text):
        said = _sign(sign, text[place - 1 : place], text[place + 1 : place + 2])
        if said in _MARKS and spoken and spoken[-1] in _MARKS:
            continue
        if said:
            spoken.append(said)
    return "".join(spoken)


def _sign(sign: str, before: str, after: str) -> str:
    if sign in "/-":
        return "," if _is_spoken(before) and _is_spoken(after) else ""
    if sign == "￥":
        return SHORT_PAUSE
    if sign in _MARKS:
        return sign
    if sign in _MARK_OF:
        return _MARK_OF[sign]
    if sign in _SIGN_OF:
        return _SIGN_OF[sign]
    return sign if _is_spoken(sign) else ""


@cache
def _is_spoken(sign: str) -> bool:
    if not sign or sign < "㐀" or sign in "￥～！？，；：":
        return False
    return FIRST_PLACE <= sign <= LAST_PLACE or read_character(sign) is not None
