"""Signs before anything is read: one shape for each digit, mark and character."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from engine.protocol.builtin import resource
from engine.text.zh.numerals import cardinal

LONG_PAUSE: Final = "\ue000"
"""Stands for the user's sign ^ inside the front end."""
SHORT_PAUSE: Final = "\ue001"
"""Stands for the user's sign ￥ where it is no money."""

FIRST_PLACE: Final = "\U000f0000"
LAST_PLACE: Final = "\U000ffffd"
"""Signs between these two stand for words of the user's own."""

_OWN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "兙": "十克",
        "兡": "百克",
        "嗧": "加仑",
        "瓧": "十瓦",
        "瓰": "分瓦",
        "瓱": "毫瓦",
        "瓼": "百瓦",
        "甅": "厘瓦",
        "𠮷": "吉",
        "嗯": "恩",
        "呣": "母",
        "㎡": "m²",
        "㎥": "m³",
        "−": "-",
        "–": "-",
        "〜": "~",
        "∼": "~",
        "∶": ":",
        "✕": "×",
        "✖": "×",
        "➗": "÷",
        "➕": "+",
        "\u2028": "\n",
        "\u2029": "\n",
        "\x0b": "\n",
        "\x0c": "\n",
        "\x85": "\n",
        "\r": "\n",
        "α": "阿尔法",
        "β": "贝塔",
        "γ": "伽马",
        "δ": "德尔塔",
        "ε": "伊普西隆",
        "ζ": "泽塔",
        "η": "伊塔",
        "θ": "西塔",
        "ι": "约塔",
        "κ": "卡帕",
        "λ": "拉姆达",
        "μ": "缪",
        "µ": "缪",
        "ν": "纽",
        "ξ": "克西",
        "ο": "奥密克戎",
        "π": "派",
        "ρ": "柔",
        "σ": "西格玛",
        "ς": "西格玛",
        "τ": "陶",
        "υ": "宇普西龙",
        "φ": "斐",
        "χ": "希",
        "ψ": "普西",
        "ω": "欧米伽",
        "〇": "零",
    }
)
_PRIVATE: Final = re.compile(f"[{LONG_PAUSE}{SHORT_PAUSE}{FIRST_PLACE}-{LAST_PLACE}]")
_SPACES: Final = re.compile(r"[^\S\n]+")


def plain(text: str) -> str:
    """The text in simplified characters, ASCII digits and marks, without spaces."""
    text = _PRIVATE.sub("", text).strip().replace("^", LONG_PAUSE)
    text = "".join(map(_plain_sign, text))
    text = re.sub(r"\s*\n\s*", "\n", text)
    return _simplify(_SPACES.sub("", text))


@cache
def _plain_sign(sign: str) -> str:
    """A sign as the rules for numbers know it."""
    if sign.isascii():
        return "\n" if sign == "\r" else sign
    if (own := _OWN.get(sign) or _OWN.get(sign.lower())) is not None:
        return own
    if "！" <= sign <= "～" and sign not in "：，；。？！":
        return chr(ord(sign) - ord("！") + ord("!"))
    value = unicodedata.decimal(sign, None)
    if value is not None:
        return str(value)
    return _named_number(sign)


def _named_number(sign: str) -> str:
    kind = unicodedata.decomposition(sign)
    if kind.startswith("<fraction>"):
        return unicodedata.normalize("NFKC", sign).replace("\u2044", "/")
    value = unicodedata.numeric(sign, None)
    if value is not None and kind.startswith(("<circle>", "<compat>")) and value == int(value):
        return cardinal(str(int(value)))
    if "㍱" <= sign <= "㏟" or "豈" <= sign <= "\ufaff" or "⺀" <= sign <= "⿕" or sign >= "\U0002f800":
        return unicodedata.normalize("NFKC", sign)
    return sign


@cache
def _simpler() -> Mapping[int, str]:
    """Traditional character -> simplified."""
    old, new = resource("text", "zh_simplified.txt").read_text(encoding="utf-8").split("\n")[:2]
    return MappingProxyType(str.maketrans(dict(zip(old, new, strict=True))))


def _simplify(text: str) -> str:
    kept = re.split(r"(乾(?=[隆坤元陵县安卦德]))", text)
    return "".join(part if part == "乾" else part.translate(_simpler()) for part in kept)
