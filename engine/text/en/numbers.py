"""Numbers in words."""

from __future__ import annotations

from typing import Final

_FIRST_TEN: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_SECOND_TEN: Final = (
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
)
_SMALL: Final = (*_FIRST_TEN, *_SECOND_TEN)
_TENS: Final = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_GROUPS: Final = ("", "thousand", "million", "billion", "trillion", "quadrillion", "quintillion")
_ODD_ORDINALS: Final = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_LONGEST: Final = 3 * len(_GROUPS)
_FIRST_YEAR: Final = 1001
_LAST_YEAR: Final = 2999


def cardinal(digits: str) -> str:
    """`1234567` -> one million, two hundred thirty-four thousand, five hundred sixty-seven.

    What is too long for a name is read digit by digit.
    """
    plain = digits.lstrip("0") or "0"
    if len(plain) > _LONGEST:
        return spelled(plain)
    if plain == "0":
        return _SMALL[0]
    said = []
    for power in range(_LONGEST // 3 - 1, -1, -1):
        group = int(plain) // 1000**power % 1000
        if group:
            said.append(f"{_hundreds(group)} {_GROUPS[power]}".strip())
    return ", ".join(said)


def _hundreds(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    said = [f"{_SMALL[hundreds]} hundred"] if hundreds else []
    if rest:
        said.append(_below_hundred(rest))
    return " ".join(said)


def _below_hundred(number: int) -> str:
    if number < len(_SMALL):
        return _SMALL[number]
    tens, ones = divmod(number, 10)
    return f"{_TENS[tens]}-{_SMALL[ones]}" if ones else _TENS[tens]


def spelled(digits: str) -> str:
    """`105` -> one zero five."""
    return " ".join(_SMALL[int(digit)] for digit in digits)


def year(digits: str) -> str:
    """A number from 1001 to 2999 as years are said, any other as a cardinal."""
    number = int(digits) if len(digits) <= len("2999") else 0
    if not _FIRST_YEAR <= number <= _LAST_YEAR or digits.startswith("0"):
        return cardinal(digits)
    century, rest = divmod(number, 100)
    if century == 20 and rest < 10:
        return "two thousand" + (f" {_SMALL[rest]}" if rest else "")
    if not rest:
        return f"{_below_hundred(century)} hundred" if century % 10 else f"{_SMALL[century // 10]} thousand"
    tail = _below_hundred(rest) if rest > 9 else f"oh {_SMALL[rest]}"
    return f"{_below_hundred(century)} {tail}"


def ordinal(digits: str) -> str:
    """`21` -> twenty-first."""
    words = cardinal(digits)
    cut = max(words.rfind(" "), words.rfind("-")) + 1
    head, last = words[:cut], words[cut:]
    if last in _ODD_ORDINALS:
        return head + _ODD_ORDINALS[last]
    if last.endswith("y"):
        return f"{head}{last[:-1]}ieth"
    return f"{head}{last}th"


def decimal(text: str) -> str:
    """`3.14` -> three point one four; without a point, a cardinal."""
    whole, point, digits = text.partition(".")
    if not point or not digits:
        return cardinal(whole)
    return f"{cardinal(whole or '0')} point {spelled(digits)}"


def fraction(over: str, under: str) -> str:
    """`3`, `4` -> three fourths."""
    if int(under) == 1:
        return cardinal(over)
    one = int(over) == 1
    if int(under) == 2:
        return f"{cardinal(over)} {'half' if one else 'halves'}"
    return f"{cardinal(over)} {ordinal(under)}{'' if one else 's'}"
