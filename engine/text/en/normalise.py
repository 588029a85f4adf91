"""English text as it is spoken: numbers, money, times, units and abbreviations in words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from engine.text.en import numbers
from engine.text.en.scripts import in_latin
from engine.text.en.shorthand import ratios, write_out

_NUMBER: Final = r"\d+(?:\.\d+)?"

_SAME_MARKS: Final = MappingProxyType(
    str.maketrans(
        {
            **dict.fromkeys("；;：:，、—–", ","),
            **dict.fromkeys("。…", "."),
            "！": "!",
            "？": "?",
            "％": "%",
            "￥": "¥",
            **dict.fromkeys("‘’`´", "'"),
            **dict.fromkeys("\n\t\r\u00a0\u3000_/\\", " "),
        }
    )
)
_TITLES: Final = MappingProxyType(
    {
        "Dr": "Doctor",
        "Mr": "Mister",
        "Mrs": "Missus",
        "Ms": "Miz",
        "Prof": "Professor",
        "Gen": "General",
        "Sgt": "Sergeant",
        "Capt": "Captain",
        "Lt": "Lieutenant",
        "Rev": "Reverend",
        "Hon": "Honorable",
        "St": "Saint",
        "Mt": "Mount",
    }
)
_SHORT: Final = MappingProxyType(
    {
        "e.g.": "for example",
        "i.e.": "that is",
        "etc.": "et cetera",
        "vs.": "versus",
        "Jr.": "Junior",
        "Sr.": "Senior",
        "approx.": "approximately",
        "dept.": "department",
        "Ave.": "Avenue",
        "Blvd.": "Boulevard",
    }
)
_CURRENCIES: Final = MappingProxyType(
    {
        "$": ("dollar", "dollars", "cent", "cents"),
        "£": ("pound", "pounds", "penny", "pence"),
        "€": ("euro", "euros", "cent", "cents"),
        "¥": ("yen", "yen", "sen", "sen"),
        "₹": ("rupee", "rupees", "paisa", "paise"),
        "₩": ("won", "won", "jeon", "jeon"),
        "₽": ("ruble", "rubles", "kopeck", "kopecks"),
        "¢": ("cent", "cents", "", ""),
    }
)
_SCALES: Final = r"(?:hundred|thousand|million|billion|trillion)"
# Unit -> (one, many, whether it may stand apart from its number).
_UNITS: Final = MappingProxyType(
    {
        "km/h": ("kilometer per hour", "kilometers per hour", True),
        "m/s": ("meter per second", "meters per second", True),
        "mph": ("mile per hour", "miles per hour", True),
        "km": ("kilometer", "kilometers", True),
        "cm": ("centimeter", "centimeters", True),
        "mm": ("millimeter", "millimeters", True),
        "kg": ("kilogram", "kilograms", True),
        "mg": ("milligram", "milligrams", True),
        "ml": ("milliliter", "milliliters", True),
        "tbsp": ("tablespoon", "tablespoons", True),
        "tsp": ("teaspoon", "teaspoons", True),
        "min": ("minute", "minutes", True),
        "ms": ("millisecond", "milliseconds", True),
        "ft": ("foot", "feet", True),
        "lbs": ("pound", "pounds", True),
        "lb": ("pound", "pounds", True),
        "oz": ("ounce", "ounces", True),
        "TB": ("terabyte", "terabytes", True),
        "fps": ("frame per second", "frames per second", True),
        "kWh": ("kilowatt hour", "kilowatt hours", True),
        "GB": ("gigabyte", "gigabytes", True),
        "MB": ("megabyte", "megabytes", True),
        "KB": ("kilobyte", "kilobytes", True),
        "GHz": ("gigahertz", "gigahertz", True),
        "MHz": ("megahertz", "megahertz", True),
        "kHz": ("kilohertz", "kilohertz", True),
        "Hz": ("hertz", "hertz", True),
        "dB": ("decibel", "decibels", True),
        "kW": ("kilowatt", "kilowatts", True),
        "°C": ("degree celsius", "degrees celsius", True),
        "°F": ("degree fahrenheit", "degrees fahrenheit", True),
        "°": ("degree", "degrees", False),
        "m": ("meter", "meters", True),
        "g": ("gram", "grams", False),
        "L": ("liter", "liters", True),
        "h": ("hour", "hours", False),
        "s": ("second", "seconds", False),
        "W": ("watt", "watts", False),
    }
)
_ARITHMETIC: Final = MappingProxyType(
    {"+": "plus", "-": "minus", "×": "times", "÷": "divided by", "=": "equals", "*": "times"}
)
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_STRESSED_TEXT: Final = (
    "not very all no yes now never must only stop this that really more do did was were am are and the but "
    "so you your we my me him her they them what why who how huge big best most every ever "
    "love hate good bad help here there"
)
_STRESSED: Final = frozenset(_STRESSED_TEXT.split())


def normalise(text: str, is_word: Callable[[str], bool]) -> str:
    """Text in words of plain letters and the marks `' . , ? ! -`.

    Args:
        text: Anything; what cannot be spoken is left out.
        is_word: Whether a lower-case word is in the dictionary: tells shouted words from acronyms.

    Returns:
        The spoken text; acronyms are single capital letters with blanks between. May be empty.
    """
    for step in (_dates, write_out, _clock_times, ratios):  # these read marks that are flattened next
        text = step(text)
    text = _fractions_and_units(text)
    text = text.translate(dict(_SAME_MARKS))
    for step in (_abbreviations, _numbers, _plain_letters):
        text = step(text)
    return _tidy(_capitals(text, is_word))


def _dates(text: str) -> str:
    def said(year: str, month: str, day: str, whole: str) -> str:
        if not (1 <= int(month) <= len(_MONTHS) and 1 <= int(day) <= 31):
            return whole
        return f"{_MONTHS[int(month) - 1]} {numbers.ordinal(day)}, {numbers.year(year)}"

    text = re.sub(
        r"\b(\d{4})-(\d{1,2})-(\d{1,2})\b", lambda m: said(m[1], m[2], m[3], m[0]), text, flags=re.ASCII
    )
    return re.sub(
        r"\b(\d{1,2})/(\d{1,2})/(\d{4})\b", lambda m: said(m[3], m[1], m[2], m[0]), text, flags=re.ASCII
    )


def _clock_times(text: str) -> str:
    pattern = r"(?<![\d:])([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?(?![\d:])(\s*[aApP]\.?\s?[mM]\b\.?)?"
    return re.sub(pattern, _clock_time, text, flags=re.ASCII)


def _clock_time(match: re.Match[str]) -> str:
    hour, minute = int(match[1]), match[2]
    suffix = ""
    ending = match[4] or ""
    if ending:
        suffix = "A M" if "a" in ending.lower() else "P M"
    elif hour > 12:
        suffix = "P M"
    said = numbers.cardinal(str(hour - 12 if hour > 12 else hour))
    if minute == "00":
        said += " o'clock" if not (ending or suffix) else ""
    elif minute.startswith("0"):
        said += f" oh {numbers.cardinal(minute)}"
    else:
        said += f" {numbers.cardinal(minute)}"
    if match[3]:
        seconds = numbers.cardinal(match[3])
        said += f" and {seconds} second{'' if int(match[3]) == 1 else 's'}"
    dotted = re.search(r"\.\s?[mM]", ending) is not None  # the last point may be that of a.m. only
    closing = "." if ending.endswith(".") and (not dotted or _at_end(match)) else ""
    return f"{said} {suffix}{closing}".strip() if suffix else said


def _at_end(match: re.Match[str]) -> bool:
    return not match.string[match.end() :].strip()


def _fractions_and_units(text: str) -> str:
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    text = re.sub(r"\b'?(\d{1,3}0)s\b", lambda m: _decade(m[1]), text, flags=re.ASCII)
    text = _measures(_money(text))
    return re.sub(
        r"(?<![\d/.])(\d{1,3})/([1-9]\d{0,2})(?![\d/])",
        lambda m: numbers.fraction(m[1], m[2]),
        text,
        flags=re.ASCII,
    )


def _decade(digits: str) -> str:
    """`1990` -> nineteen nineties."""
    said = numbers.year(digits)
    return f"{said[:-1]}ies" if said.endswith("y") else f"{said}s"


def _money(text: str) -> str:
    signs = "".join(re.escape(sign) for sign in _CURRENCIES)
    number = r"\d+(?:\.\d+)?(?!\.?\d)"

    def said(sign: str, amount: str, scale: str | None) -> str:
        one, many, small, smalls = _CURRENCIES[sign]
        if scale:
            return f"{numbers.decimal(amount)} {scale.strip()} {many}"
        whole, _, rest = amount.partition(".")
        coins = (rest + "00")[:2]
        if len(rest) > 2:
            return f"{numbers.decimal(amount)} {many}"
        parts = []
        if int(whole) or not int(coins):
            parts.append(f"{numbers.cardinal(whole)} {one if int(whole) == 1 else many}")
        if int(coins):
            parts.append(f"{numbers.cardinal(coins)} {small if int(coins) == 1 else smalls}")
        return " and ".join(parts)

    text = text.replace("￥", "¥")
    text = re.sub(
        rf"([{signs}])\s?({number})(\s{_SCALES}\b)?", lambda m: said(m[1], m[2], m[3]), text, flags=re.ASCII
    )
    return re.sub(
        rf"(?<![\d.])({number})\s?([{signs}])", lambda m: said(m[2], m[1], None), text, flags=re.ASCII
    )


def _measures(text: str) -> str:
    text = text.replace("℃", "°C").replace("℉", "°F")

    def said(match: re.Match[str]) -> str:
        one, many, apart = _UNITS[match[4]]
        if match[3] and not apart:
            return match[0]
        sign = "negative " if match[1] else ""
        return f"{sign}{numbers.decimal(match[2])} {one if match[2] == '1' else many}"

    names = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
    return re.sub(
        rf"(?:(?<![^\s(])(-))?(?<![\d.A-Za-z])({_NUMBER})(\s)?({names})(?![A-Za-z/])",
        said,
        text,
        flags=re.ASCII,
    )


def _abbreviations(text: str) -> str:
    for short, long in _SHORT.items():
        keep = "." if short[-1] == "." and short[0].islower() and short.startswith("etc") else ""
        text = re.sub(rf"(?<![\w.]){re.escape(short)}(?=\s*$)", long + keep, text)
        text = re.sub(rf"(?<![\w.]){re.escape(short)}", long, text)
    titles = "|".join(_TITLES)
    text = re.sub(rf"\b({titles})\.(?=\s+[A-Z])", lambda m: _TITLES[m[1]], text)
    text = re.sub(r"\bSt\.", "Street", text)
    text = re.sub(r"\b([Nn])o\.(?=\s*\d)", r"\1umber", text)
    # Letters with points: a.m., U.S., I.B.M.; a point at the very end is the sentence's too.
    return re.sub(
        r"\b(?:[A-Za-z]\.\s?){1,}[A-Za-z]\.(?:\s*$)?",
        lambda m: _dotted(m[0]),
        text,
    )


def _dotted(text: str) -> str:
    letters = re.sub(r"[.\s]", "", text).upper()
    ended = text.endswith(".") and text.rstrip() == text
    return " ".join(letters) + ("\x00" if ended else "")


def _numbers(text: str) -> str:
    text = text.replace("\x00 ", " ")
    text = re.sub("\x00(?=[a-z,?!'-])", "", text).replace("\x00", ".")
    text = re.sub(r"(?:(?<=[.!?]\s)|^)(\d{1,3})\.(?=\s+[A-Z])", lambda m: f"{numbers.ordinal(m[1])},", text)
    text = re.sub(r"(?<=[\d)])\s+([+\-×÷=*])\s+(?=[\d(])", lambda m: f" {_ARITHMETIC[m[1]]} ", text)
    text = re.sub(r"(?:(?<=[\s(])|^)-(?=\.?\d)", "negative ", text)
    text = re.sub(r"(\d+)(?:st|nd|rd|th)\b", lambda m: f" {numbers.ordinal(m[1])} ", text)
    text = re.sub(r"(?<!\d)(?<!\d\.)(\d+)\.(\d+)(?!\d|\.\d)", lambda m: f" {numbers.decimal(m[0])} ", text)
    text = re.sub(r"\d+", lambda m: f" {numbers.year(m[0])} ", text)
    text = re.sub(r"\s*%", " percent", text)
    text = text.replace("&", " and ").replace("+", " plus ")
    text = re.sub(r"(?<=\w)@(?=\w)", " at ", text)
    return re.sub(r"(?<=-) | (?=[-.,?!])", "", text)


def _plain_letters(text: str) -> str:
    """Letters without accents; a letter that has no plain form, and every other sign, goes."""
    text = text.replace("ß", "ss").replace("æ", "ae").replace("œ", "oe").replace("ø", "o").replace("ł", "l")
    text = in_latin(unicodedata.normalize("NFC", text))
    parts = unicodedata.normalize("NFD", text)
    text = "".join(sign for sign in parts if unicodedata.category(sign) != "Mn")
    text = re.sub(r"-{2,}", ",", text)
    return re.sub(r"[^ A-Za-z'.,?!\-]", "", text)


def _capitals(text: str, is_word: Callable[[str], bool]) -> str:
    """Acronyms as single letters, shouted words in small letters, joined words apart."""
    words = re.findall(r"[A-Za-z]+", text)
    shouting = not any(word != word.upper() for word in words) and any(
        len(word) > 3 and is_word(word.lower()) for word in words
    )

    def said(match: re.Match[str]) -> str:
        word = match[0]
        lower = word.lower()
        if word.isupper() and len(word) > 1:
            loud = is_word(lower) and ((shouting and len(words) > 1) or len(word) > 4)
            if loud or lower in _STRESSED:
                return lower
            return " ".join(word)
        if re.fullmatch(r"[A-Z]{2,}s", word):  # CDs
            return " ".join(word[:-1]) + "'s"
        apart = re.sub(r"(?<=[A-Za-z])(?=[A-Z])", " ", word)
        first, *others = apart.split()
        known = first != "Mc" and all(len(part) == 1 or is_word(part.lower()) for part in (first, *others))
        known = known and not any(len(part) == 1 for part in others)  # ChatGPT, SoVITS
        return apart if known or not is_word(lower) else word.capitalize()  # JavaScript, TikTok

    return re.sub(r"[A-Za-z]+", said, text)


def _tidy(text: str) -> str:
    """One mark where several stand together, no blank before a mark."""
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"\s+(?=[.,?!])", "", text)
    text = re.sub(r"([.,?!\-])(?:\s*[.,?!])+", r"\1", text)
    text = re.sub(r"(?<=\s)-(?=\s)", ",", text).replace(" ,", ",")
    return re.sub(r"([.,?!])(?=[A-Za-z])", r"\1 ", text).strip()
