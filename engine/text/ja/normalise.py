"""Japanese text as it is spoken: numbers, units and signs in words that the analyser reads right."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from engine.text.ja.loanwords import in_kana

_Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]

_DIGITS: Final = ("ゼロ", "イチ", "ニー", "サン", "ヨン", "ゴー", "ロク", "ナナ", "ハチ", "キュー")
_CURRENCIES: Final = MappingProxyType({"$": "ドル", "€": "ユーロ", "£": "ポンド", "¥": "円"})
_UNITS: Final = MappingProxyType(
    {
        "km/h": "キロメートル毎時",
        "m/s": "メートル毎秒",
        "km2": "平方キロメートル",
        "cm2": "平方センチメートル",
        "cm3": "立方センチメートル",
        "m2": "平方メートル",
        "m3": "立方メートル",
        "km": "キロメートル",
        "cm": "センチメートル",
        "mm": "ミリメートル",
        "m": "メートル",
        "kg": "キログラム",
        "mg": "ミリグラム",
        "g": "グラム",
        "t": "トン",
        "ml": "ミリリットル",
        "mL": "ミリリットル",
        "dl": "デシリットル",
        "dL": "デシリットル",
        "l": "リットル",
        "L": "リットル",
        "kHz": "キロヘルツ",
        "MHz": "メガヘルツ",
        "GHz": "ギガヘルツ",
        "Hz": "ヘルツ",
        "KB": "キロバイト",
        "MB": "メガバイト",
        "GB": "ギガバイト",
        "TB": "テラバイト",
        "dB": "デシベル",
        "kW": "キロワット",
        "W": "ワット",
        "V": "ボルト",
        "kcal": "キロカロリー",
        "cal": "カロリー",
        "ha": "ヘクタール",
        "ms": "ミリ秒",
        "°C": "度",
        "℃": "度",
        "°F": "度",
        "°": "度",
        "%": "パーセント",
    }
)
_SIGNS: Final = MappingProxyType(
    {"+": "プラス", "×": "かける", "÷": "わる", "=": "イコール", "&": "アンド", "@": "アット"}
)
_COMMON_KANJI: Final = MappingProxyType(
    str.maketrans("\U00020bb7\U00020b9f\ufa11\u9ad9\u6ff5", "吉叱崎高浜")
)  # 𠮷 𠮟 﨑 髙 濵: the dictionary has the common forms only
_VOICED: Final = MappingProxyType(
    dict(
        zip(
            "かきくけこさしすせそたちつてとはひふへほ",
            "がぎぐげござじずぜぞだぢづでどばびぶべぼ",
            strict=True,
        )
    )
)
_SPACES: Final = MappingProxyType(str.maketrans("\u3000\u00a0\t\r", "    "))
# Half-width kana, words in a square.
_SQUARED: Final = re.compile(r"[\uff65-\uff9f\u3200-\u33ff]")


def normalise(text: str) -> str:
    """Text with numbers, units and signs written out.

    Args:
        text: Anything; what cannot be spoken stays and is silent later.
    """
    spoken = "".join(_plain(letter) for letter in text.translate(_COMMON_KANJI)).translate(_SPACES)
    spoken = unicodedata.normalize("NFC", spoken)
    for pattern, by in _RULES:
        spoken = pattern.sub(by, spoken)
    return spoken


def _plain(letter: str) -> str:
    """A digit, letter or squared word in its plain form: ９ ٣ ｶ Ａ ㎏ ½."""
    if letter.isascii():
        return letter
    kind = unicodedata.category(letter)
    if kind == "Nd":
        return str(unicodedata.digit(letter))
    foldable = kind in {"No", "Lu", "Ll"} or letter in "％＄￥＋＝＆＠－／．" or _SQUARED.match(letter)
    return unicodedata.normalize("NFKC", letter) if foldable else letter


def _grouped(found: re.Match[str]) -> str:
    return found[0].replace(",", "")


def _date(found: re.Match[str]) -> str:
    return f"{found['year']}年{int(found['month'])}月{int(found['day'])}日"


def _clock(found: re.Match[str]) -> str:
    hour, minute, second = found["hour"], int(found["minute"]), found["second"]
    said = f"{int(hour)}時"
    if minute or second:
        said += f"{minute}分"
    return f"{said}{int(second)}秒" if second else said


def _digit_by_digit(found: re.Match[str]) -> str:
    return "".join(_DIGITS[int(sign)] if sign.isdigit() else sign for sign in found[0])


def _version(found: re.Match[str]) -> str:
    return found[0].replace(".", "てん")


def _fraction(found: re.Match[str]) -> str:
    return f"{found[2]}ぶんの{found[1]}"


def _amount(found: re.Match[str]) -> str:
    return f"{found['number']}{found['scale'] or ''}{_CURRENCIES[found['sign']]}"


def _unit(found: re.Match[str]) -> str:
    return _UNITS[found[0].strip()]


def _sign(found: re.Match[str]) -> str:
    return _SIGNS[found[0]]


def _word(found: re.Match[str]) -> str:
    """An English word in kana; acronyms and words that no dictionary has are spelled later."""
    word = found[0]
    return word if word.isupper() else in_kana(word) or word


def _again(found: re.Match[str]) -> str:
    """ゝ and ゞ say the kana before them once more."""
    kana = found[1]
    return kana + (_VOICED.get(kana, kana) if found[2] == "ゞ" else kana)


_COUNTERS: Final = "年月日時分秒人個回本枚名歳才階週倍件冊杯匹台度円"
# What a minus does not stand behind; it may stand behind a particle.
_WORD: Final = r"0-9A-Za-z\u30a0-\u30ff\u4e00-\u9fff.)）-"
_NUMBER: Final = r"[0-9]+(?:\.[0-9]+)?"
_UNIT_NAMES: Final = "|".join(re.escape(name) for name in sorted(_UNITS, key=len, reverse=True))
_RULES: Final[tuple[_Rule, ...]] = (
    (re.compile("⁄"), "/"),
    (re.compile(r"(?<![0-9,.])[0-9]{1,3}(?:,[0-9]{3})+(?![0-9,])"), _grouped),
    (
        re.compile(
            r"(?<![0-9])(?P<year>(?:19|20)[0-9]{2})(?P<between>[-/.])(?P<month>0?[1-9]|1[0-2])"
            r"(?P=between)(?P<day>0?[1-9]|[12][0-9]|3[01])(?![0-9])"
        ),
        _date,
    ),
    (
        re.compile(
            r"(?<![0-9:])(?P<hour>[01]?[0-9]|2[0-4])[:：](?P<minute>[0-5][0-9])"
            r"(?:[:：](?P<second>[0-5][0-9]))?(?![0-9:])"
        ),
        _clock,
    ),
    (re.compile(r"(?<![0-9-])(?:0[0-9]{1,4}-[0-9]{1,4}-[0-9]{3,4}|0[0-9]{9,10})(?![0-9-])"), _digit_by_digit),
    (re.compile(rf"(?P<sign>[$€£¥])\s?(?P<number>{_NUMBER})(?P<scale>[千万億兆]+)?"), _amount),
    (re.compile(rf"(?<=[0-9])(?:{_UNIT_NAMES})(?=\s?[〜～~][0-9])"), _unit),
    (re.compile(r"(?<=[0-9a-zA-Zー-龥々])\s?[〜～~]\s?(?=[0-9])|(?<=[A-Za-z])[〜～~](?=[A-Za-z])"), "から"),
    (
        re.compile(r"(?<![0-9./-])([0-9]+)-([0-9]+)(?=[年月日時分秒人個回本枚名歳才階週倍件冊杯匹台度円])"),
        r"\1から\2",
    ),
    (re.compile(r"(?<![0-9.])[0-9]+(?:\.[0-9]+){2,}(?![0-9.])"), _version),
    (re.compile(rf"(?<![{_WORD}])[-−‐–](?=[0-9])|(?<![0-9A-Za-z])−(?=[0-9])"), "マイナス"),
    (re.compile(r"(?<![0-9/.])([0-9]+)/([0-9]+)(?![0-9/.])"), _fraction),
    (re.compile(rf"(?<=[0-9])\s?(?:{_UNIT_NAMES})(?![A-Za-z])"), _unit),
    (re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{3,}(?:'[A-Za-z]+)?(?![A-Za-z0-9])"), _word),
    (re.compile(r"([ぁ-ゖァ-ヺ])([ゝゞヽヾ])"), _again),
    (re.compile(r"(?<=[\u3041-\u30ff])[〜～~]+"), "ー"),
    (re.compile(r"(?<=[\u4e00-\u9fff])[〜～~](?=[\u4e00-\u9fff\u30a1-\u30fa])"), "から"),
    (re.compile(r"(?<=[\u4e00-\u9fff])[〜～~]+"), "ー"),
    (re.compile(r"[+×÷=](?=\s?[0-9])|(?<=[A-Za-z0-9])[&@](?=[A-Za-z0-9])"), _sign),
    (re.compile(r"・{2,}"), "…"),
    (re.compile(r"[―—]+"), ","),
    (re.compile(r"([!?…,.-])[!?…,.-]+"), r"\1"),
    (re.compile(r" +"), " "),
)
