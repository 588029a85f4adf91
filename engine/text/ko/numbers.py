"""Korean numbers."""

from __future__ import annotations

from typing import Final

_DIGITS: Final = "영일이삼사오육칠팔구"
_PLACES: Final = ("", "십", "백", "천")
_GROUPS: Final = ("", "만", "억", "조", "경", "해")
_GROUP: Final = 4
_NATIVE_ONES: Final = ("", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉")
_NATIVE_TENS: Final = ("", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔")
_MOST_NATIVE: Final = 100
_TWENTY: Final = 20


def digit_by_digit(digits: str) -> str:
    """Each digit by its name."""
    return "".join(_DIGITS[int(digit)] for digit in digits)


def cardinal(digits: str) -> str:
    """A number in Sino-Korean; digit by digit when it is too long for the names of large numbers."""
    bare = digits.lstrip("0")
    if not bare:
        return _DIGITS[0]
    if len(bare) > _GROUP * len(_GROUPS):
        return digit_by_digit(digits)
    groups = []
    for number, name in enumerate(_GROUPS):
        end = len(bare) - _GROUP * number
        if end <= 0:
            break
        said = _below_ten_thousand(bare[max(0, end - _GROUP) : end])
        if said == "일" and name == "만" and end == 1:
            groups.append(name)  # said without a one, as ten and a hundred are
        elif said:
            groups.append(said + name)
    return "".join(reversed(groups))


def counted(digits: str) -> str:
    """A number in front of a counter that takes the native numerals, which go to ninety-nine."""
    bare = digits.lstrip("0")
    tail = int(bare[-2:] or "0")
    head = bare[:-2] + "00" if len(bare) > len(_PLACES) // 2 else ""
    if not tail or len(bare) > _GROUP * len(_GROUPS):
        return cardinal(digits)
    native = "스무" if tail == _TWENTY else _NATIVE_TENS[tail // 10] + _NATIVE_ONES[tail % 10]
    return (cardinal(head) if head else "") + native


def _below_ten_thousand(digits: str) -> str:
    """Up to four digits; a one is not said in front of ten, a hundred and a thousand."""
    said = ""
    for place, digit in zip(range(len(digits) - 1, -1, -1), digits, strict=True):
        if digit == "0":
            continue
        said += ("" if digit == "1" and place else _DIGITS[int(digit)]) + _PLACES[place]
    return said
