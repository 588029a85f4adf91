"""Numbers in Chinese characters."""

from __future__ import annotations

from typing import Final

_DIGITS: Final = "零一二三四五六七八九"
_PLACES: Final = ("", "十", "百", "千")
_GROUPS: Final = ("", "万", "亿", "万亿")
_LONGEST: Final = 4 * len(_GROUPS)


def digits(number: str, *, one: str = "一") -> str:
    """Digits one by one; `one` is 幺 in numbers that name something, such as telephones."""
    return "".join(one if digit == "1" else _DIGITS[int(digit)] for digit in number)


def cardinal(number: str) -> str:
    """A whole number as an amount; one too long for that is read digit by digit."""
    plain = number.lstrip("0")
    if not plain:
        return _DIGITS[0]
    if len(plain) > _LONGEST:
        return digits(number)
    spoken = ""
    gap = False
    for start, name in _groups(plain):
        group = int(start)
        if not group:
            gap = True
            continue
        if spoken and (gap or group < 1000):
            spoken += _DIGITS[0]
        spoken += _under_ten_thousand(group) + name
        gap = False
    return spoken.removeprefix("一") if spoken.startswith("一十") else spoken


def amount(number: str) -> str:
    """As `cardinal`, the way things are counted: 两千 and 两万 instead of 二千 and 二万."""
    spoken = cardinal(number)
    return f"两{spoken[1:]}" if spoken[:2] in {"二千", "二万", "二亿"} else spoken


def decimal(whole: str, fraction: str) -> str:
    """A number with a point; several zeros at its end are said once."""
    shown = fraction.rstrip("0")
    if shown != fraction:
        shown += "0"
    return f"{cardinal(whole)}点{digits(shown)}"


def _groups(plain: str) -> list[tuple[str, str]]:
    """Groups of up to four digits from the left, each with the name of its size."""
    first = len(plain) % 4 or 4
    cuts = [plain[:first], *(plain[place : place + 4] for place in range(first, len(plain), 4))]
    return list(zip(cuts, reversed(_GROUPS[: len(cuts)]), strict=True))


def _under_ten_thousand(number: int) -> str:
    spoken = ""
    gap = False
    for place in (3, 2, 1, 0):
        digit = number // 10**place % 10
        if not digit:
            gap = bool(spoken)
            continue
        spoken += (_DIGITS[0] if gap else "") + _DIGITS[digit] + _PLACES[place]
        gap = False
    return spoken
