"""English words in katakana, as Japanese says them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from engine.text.en.lexicon import is_word, say

_STRESS: Final = re.compile(r"[0-2]$")
# Consonant -> with a, i, u, e, o, and alone.
_ROWS_TEXT: Final = """
B バ ビ ブ ベ ボ ブ
CH チャ チ チュ チェ チョ チ
D ダ ディ ドゥ デ ド ド
DH ザ ジ ズ ゼ ゾ ズ
F ファ フィ フ フェ フォ フ
G ガ ギ グ ゲ ゴ グ
HH ハ ヒ フ ヘ ホ フ
JH ジャ ジ ジュ ジェ ジョ ジ
K カ キ ク ケ コ ク
L ラ リ ル レ ロ ル
M マ ミ ム メ モ ム
N ナ ニ ヌ ネ ノ ン
P パ ピ プ ペ ポ プ
R ラ リ ル レ ロ ル
S サ シ ス セ ソ ス
SH シャ シ シュ シェ ショ シュ
T タ ティ トゥ テ ト ト
TH サ シ ス セ ソ ス
TS ツァ ツィ ツ ツェ ツォ ツ
V バ ビ ブ ベ ボ ブ
W ワ ウィ ウ ウェ ウォ ウ
Y ヤ イ ユ イェ ヨ イ
Z ザ ジ ズ ゼ ゾ ズ
ZH ジャ ジ ジュ ジェ ジョ ジュ
"""
_ROWS: Final = MappingProxyType(
    {name: tuple(kana) for name, *kana in map(str.split, _ROWS_TEXT.strip().splitlines())}
)
_BARE: Final = "アイウエオ"
_ALONE: Final = 5
# Vowel -> its row and what follows it.
_VOWELS: Final = MappingProxyType(
    {
        "AA": "ア",
        "AE": "ア",
        "AH": "ア",
        "AO": "オー",
        "AW": "アウ",
        "AY": "アイ",
        "EH": "エ",
        "ER": "アー",
        "EY": "エー",
        "IH": "イ",
        "IY": "イー",
        "OW": "オー",
        "OY": "オイ",
        "UH": "ウ",
        "UW": "ウー",
    }
)
# How an R behind a vowel is said.
_R_BEHIND: Final = MappingProxyType({"ア": "ー", "オー": "", "オ": "ー", "アウ": "アー", "アイ": "アー"})
_SHORT: Final = frozenset({"AA", "AE", "AH", "AO", "EH", "IH", "UH"})
_STOPS: Final = frozenset({"P", "T", "K", "CH", "D", "G", "JH"})
_SMALL: Final = MappingProxyType({"ア": "ャ", "イ": "ィ", "ウ": "ュ", "エ": "ェ", "オ": "ョ"})
_PALATAL: Final = frozenset({"SH", "ZH", "JH", "CH"})


def in_kana(word: str) -> str:
    """An English word of the dictionary in katakana; empty when it is none.

    Args:
        word: Latin letters.
    """
    lower = word.lower()
    if not is_word(lower):
        return ""
    said = "".join(_kana(_joined(say(lower)), lower)).replace("ウアー", "ワー")
    said = re.sub("([スズ])[スズ]+", r"\1", said)
    if lower.endswith(("oor", "ore")):
        said = said.removesuffix("ー") + "ア"
    return "コ" + said[1:] if lower.startswith(("com", "con")) and said.startswith("カ") else said


def _joined(phones: tuple[str, ...]) -> list[str]:
    """Phones with T S and D Z as one and NG in front of a vowel as two; stress stays at a weak AH only."""
    found: list[str] = []
    for phone in phones:
        bare = phone if phone == "AH0" else _STRESS.sub("", phone)
        last = found[-1] if found else ""
        if (last, bare) in {("T", "S"), ("D", "Z")}:
            found[-1] = "TS" if bare == "S" else "Z"
        elif last == "NG" and (bare == "Y" or _is_vowel(bare)):
            found[-1:] = ["N", "G", bare]
        elif (last, bare) == ("IY", "R"):
            found[-1:] = ["IH", "R"]
        elif (last, bare) == ("N", "UW"):
            found += ["Y", "UW"]
        else:
            found.append(bare)
    return found


def _kana(phones: list[str], word: str) -> Iterator[str]:
    onset = ""
    for place, phone in enumerate(phones):
        behind = phones[place + 1 :]
        if not _is_vowel(phone):
            if phone == "Y" and onset and behind and _is_vowel(behind[0]):
                onset += "Y"
            elif behind and (_is_vowel(behind[0]) or (behind[0] == "Y" and phone != "R")):
                onset = phone
            else:
                before = phones[place - 1] if place else ""
                yield _coda(phone, before, behind, word)
            continue
        if phone == "AH0" and behind[:1] in (["L"], ["N"]) and onset and not _opens(behind[1:]):
            yield _weak(onset, behind[0])
        else:
            yield _syllable(onset, phone, behind, word)
        onset = ""


def _is_vowel(phone: str) -> bool:
    return phone == "AH0" or phone in _VOWELS


def _opens(behind: list[str]) -> bool:
    return bool(behind) and _is_vowel(behind[0])


def _syllable(onset: str, vowel: str, behind: list[str], word: str) -> str:
    """An onset with its vowel, and the stop that a short vowel makes of a final consonant."""
    sound = _sound(vowel, word)
    short = vowel.rstrip("0") in _SHORT and bool(behind) and behind[0] in _STOPS
    ends = behind[1:] in ([], ["AH0", "L"])
    if short and ends:
        sound = sound[0] + "ッ"
    row, rest = sound[0], sound[1:]
    if onset.endswith("Y") and len(onset) > 1:
        return _ROWS[onset[:-1]][1][0] + _SMALL[row] + rest
    if vowel == "AE" and onset in {"K", "G"}:
        return _ROWS[onset][1] + "ャ" + rest
    return (_ROWS[onset][_BARE.index(row)] if onset else row) + rest


def _sound(vowel: str, word: str) -> str:
    if vowel == "AA" and "o" in word and "a" not in word:
        return "オ"
    return _VOWELS[vowel.rstrip("0")]


def _weak(onset: str, behind: str) -> str:
    """A syllable whose weak vowel is hardly said: people, station; its last consonant is yielded later."""
    if behind == "N" and onset in {"SH", "ZH", "JH"}:
        return _ROWS[onset][4]
    if behind == "N" and onset not in _PALATAL:
        return _syllable(onset, "AH", [], "")
    return _ROWS[onset.removesuffix("Y")][_ALONE if onset not in {"SH"} else 2]


def _coda(phone: str, before: str, behind: list[str], word: str) -> str:
    """A consonant with no vowel behind it."""
    if phone == "NG":
        return "ン" if behind[:1] in (["K"], ["G"]) else "ング"
    if phone == "M" and behind[:1] in (["P"], ["B"]):
        return "ン"
    if phone == "R" and _is_vowel(before):
        return _R_BEHIND.get(_sound(before, word), "ア")
    return "" if phone == "HH" else _ROWS[phone][_ALONE]
