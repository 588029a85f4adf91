"""Amounts: money, ranges, units, shares, counts, and the numbers of telephones."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from engine.text.zh.numerals import amount, cardinal, decimal, digits

_Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]

_N: Final = r"[0-9]++(?:\.[0-9]++)?"
_SIGNED: Final = rf"-?{_N}"
_MONEY: Final[Mapping[str, str]] = MappingProxyType(
    {"¥": "元", "￥": "元", "$": "美元", "€": "欧元", "£": "英镑", "₩": "韩元", "₽": "卢布"}
)
_UNITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "km2": "平方千米",
        "km²": "平方千米",
        "m2": "平方米",
        "m²": "平方米",
        "m3": "立方米",
        "m³": "立方米",
        "dm2": "平方分米",
        "dm²": "平方分米",
        "dm3": "立方分米",
        "dm³": "立方分米",
        "dm": "分米",
        "cm2": "平方厘米",
        "cm²": "平方厘米",
        "cm3": "立方厘米",
        "cm³": "立方厘米",
        "mm2": "平方毫米",
        "mm²": "平方毫米",
        "mm3": "立方毫米",
        "mm³": "立方毫米",
        "km": "千米",
        "cm": "厘米",
        "mm": "毫米",
        "nm": "纳米",
        "m": "米",
        "kg": "千克",
        "mg": "毫克",
        "g": "克",
        "t": "吨",
        "ml": "毫升",
        "l": "升",
        "db": "分贝",
        "ds": "毫秒",
        "ms": "毫秒",
        "s": "秒",
        "h": "小时",
        "min": "分钟",
        "hz": "赫兹",
        "khz": "千赫兹",
        "mhz": "兆赫兹",
        "ghz": "吉赫兹",
        "kw": "千瓦",
        "mw": "兆瓦",
        "kwh": "千瓦时",
        "kv": "千伏",
        "v": "伏",
        "mah": "毫安时",
        "kpa": "千帕",
        "kb": "千字节",
        "mb": "兆字节",
        "gb": "吉字节",
        "tb": "太字节",
        "kcal": "千卡",
        "kj": "千焦",
    }
)
_ONLY_SMALL: Final = frozenset({"m", "g", "t", "s", "h", "mw"})
_LONGEST_FIRST: Final = "|".join(sorted(_UNITS, key=len, reverse=True))
_UNIT: Final = rf"(?i:{_LONGEST_FIRST})(?![A-Za-z0-9²³店])"
_ALONE: Final = "|".join(("km²", "m²", "cm²", "m³", "cm³", "kg", "km", "cm", "mm", "ml"))

# Words that something is counted in. Those of the second line are numbered rather than counted: 二号, 二楼.
_COUNTED: Final = (
    "平方千米|平方厘米|平方毫米|平方分米|平方公里|平方英尺|平方米|立方厘米|立方毫米|立方分米|立方米|平米|千瓦时|毫安时|"
    "千字节|兆字节|吉字节|太字节|千赫兹|兆赫兹|吉赫兹|赫兹|公里|公斤|公顷|公分|公升|英里|英尺|英寸|英镑|海里|"
    "千米|千克|千瓦|千伏|千帕|千卡|千焦|兆瓦|厘米|毫米|毫升|毫克|毫秒|微米|纳米|分米|分贝|分钟|小时|钟头|"
    "星期|礼拜|季度|世纪|年代|年级|周年|周岁|个月|美元|美金|欧元|日元|韩元|港元|港币|卢布|块钱|人民币|万|亿|千|百|"
    "人次|字节|像素|摄氏度|华氏度|名|位|个|只|条|张|本|册|页|件|辆|台|部|架|艘|头|匹|口|把|支|枝|根|颗|粒|块|片|段|"
    "场|栋|幢|间|家|所|座|扇|顿|份|盘|碗|杯|瓶|罐|盒|箱|袋|包|束|朵|株|棵|双|对|副|套|组|群|批|届|篇|句|行|种|类|项|门|"
    "道|题|步|圈|趟|遍|番|声|岁|天|元|毛|分|秒|吨|斤|克|米|里|尺|寸|亩|升|倍|伏|瓦|度|点|人|年|周|次|桌|笔|首|幅|"
    "面|轮|局|票|股|户|集|任|成|代|处|滴|堆|串|卷|层|帧|夜|晚|胎|席|枚|发|则|盏|顶|员|连|拨|记|餐|剂|丝|旬|胜|负|平"
)
_NUMBERED: Final = "月|日|号|时|刻|角|楼|班|级|期|章|节|课|排|列|线|路|室|房|街|队|两|厘|钱|斗"
_NAMING: Final = frozenset("号路室房线")
_MEASURE: Final = rf"(?:{_COUNTED}|{_NUMBERED})"
_PER: Final = "km|h|s|min|天|日|周|月|年|小时|分钟|秒|人|次"
_SCALE: Final = "(?:[百千]?[万亿]|百|千)"
_MORE: Final = r"[多余几来]|\+"
_CUES: Final = (
    "共|总计|合计|大约|约|近|将近|接近|超过|超|达到|达|高达|多达|增加|减少|增至|降至|增加了|减少了|至少|最多|不足|不到|"
    "等于|小于|大于|上涨|上涨了|下跌|下跌了|得了|排名|排名第|第"
)
_AFTER_CUE: Final = "|".join(f"(?<={cue})" for cue in _CUES.split("|"))
_NUMBER_OF: Final = "(?<![打拨号码话])"


def _money(found: re.Match[str]) -> str:
    number, scale = found[2].replace(",", ""), found[3] or ""
    return f"{number}{scale}{_MONEY[found[1]]}"


def _thousands(found: re.Match[str]) -> str:
    whole = found[1].replace(",", "")
    rest = found[2] or ""
    following = found.string[found.end() : found.end() + 1]
    if following and (following in "-~%‰℃°" or (following.isascii() and following.isalpha())):
        return whole + rest
    return decimal(whole, rest[1:]) if rest else amount(whole)


def _grouped(found: re.Match[str]) -> str:
    return ",".join(digits(part, one="幺") for part in found[0].split("-"))


def _named(found: re.Match[str]) -> str:
    return (
        digits(found[0].lstrip("+").replace("-", ","), one="幺") if "-" not in found[0] else _grouped(found)
    )


def _mobile(found: re.Match[str]) -> str:
    return digits(re.sub("[^0-9]", "", found[0]), one="幺")


def _range(found: re.Match[str]) -> str:
    """To, minus or a pause: 3-5 is a range, 5-3 a subtraction, 3-201室 a name; ~ is always a range."""
    left, unit, sign, right, share = found[1], found[2] or "", found[3], found[4], found[5] or ""
    measure = found[6] or ""
    if sign == "-" and not unit and _is_name(left, right, measure):
        return f"{digits(left, one='幺')},{digits(right, one='幺')}"
    if sign[0] == "~":
        word = "至" if unit else "到"
    else:
        word = "到" if measure or unit or share or float(left) < float(right) else "减"
    two = "两" if left == "2" and measure and _is_counted(measure) else left
    return f"{two}{unit or share}{word}{sign[1:]}{right}{share}"


def _is_name(left: str, right: str, measure: str) -> bool:
    """Whether two numbers with a line between them are parts of a name, such as that of a room."""
    if not (left.isdigit() and right.isdigit()):
        return False
    if measure in _NAMING and measure:
        return len(right) > 2  # rooms have three digits
    round_ones = left.endswith("0") and right.endswith("0")
    long = len(left) > 2 and len(right) > 2 and not measure and not round_ones
    return (long and len(left) != len(right)) or (len(right) > 1 and right[0] == "0")


def _temperature(found: re.Match[str]) -> str:
    minus = "零下" if found[1] else ""
    return f"{minus}{found[2]}{'华氏度' if 'F' in found[3] else '度'}"


def _unit(found: re.Match[str]) -> str:
    number, unit = found[1], found[2]
    small = unit.lower()
    if small in _ONLY_SMALL and unit != small:
        return found[0]
    per = found[3]
    if per is None:
        return number + _UNITS[small]
    return f"{number}{_UNITS[small]}每{_UNITS.get(per.lower(), per)}"


def _share(found: re.Match[str]) -> str:
    minus = "负" if found[1] else ""
    return f"{minus}{'百' if found[3] == '%' else '千'}分之{_plain(found[2])}"


def _plain(number: str) -> str:
    whole, point, fraction = number.partition(".")
    return decimal(whole, fraction) if point else cardinal(whole)


def _fraction(found: re.Match[str]) -> str:
    return f"{'负' if found[1] else ''}{cardinal(found[3])}分之{cardinal(found[2])}"


def _count(found: re.Match[str]) -> str:
    number, more, measure = found[1], found[2] or "", found[3]
    if len(number) > 2 and (measure in _NAMING or number.startswith("0")):
        return f"{digits(number, one='幺')}{measure}"
    more = "多" if more == "+" else more
    if number == "2" and not more and _is_counted(measure):
        return f"两{measure}"
    return f"{amount(number)}{more}{measure}"


def _is_counted(measure: str) -> bool:
    """Whether two of it are 两 rather than 二."""
    return measure[0] not in _NUMBERED and measure != "年级"


def _ordinal(found: re.Match[str]) -> str:
    return f"第{cardinal(found[1])}"


RULES: Final[tuple[_Rule, ...]] = (
    # names of telephones first: no other rule may take them apart
    (re.compile(r"(?<![0-9.])(?:\+?86-?)?1[3-9][0-9]-?[0-9]{4}-?[0-9]{4}(?![0-9.])"), _mobile),
    (
        re.compile(
            r"(?<![0-9.])(?:0[0-9]{2,3}-[0-9]{7,8}|[48]00-[0-9]{3,4}-[0-9]{3,4})(?:-[0-9]+)?(?![0-9.])"
        ),
        _grouped,
    ),
    (re.compile(r"(?<![0-9.-])[0-9]{2,}(?:-[0-9]{2,}){2,}(?![0-9.-])"), _grouped),
    (
        re.compile(rf"([¥￥$€£₩₽])([0-9][0-9,]*(?:\.[0-9]+)?)({_SCALE})?(?:元|块钱|块|美元|欧元|英镑)?"),
        _money,
    ),
    (re.compile(r"(?<![0-9,.])([0-9]{1,3}(?:,[0-9]{3})+)(\.[0-9]+)?(?![0-9])(?!,[0-9])"), _thousands),
    # scores
    (
        re.compile(r"(?:(?<=比分)|(?<=比分是)|(?<=比分为)|(?<=以))([0-9]{1,3})-([0-9]{1,3})(?![0-9.])"),
        lambda found: f"{found[1]}比{found[2]}",
    ),
    (
        re.compile(r"(?<![0-9.])([0-9]{1,3})-([0-9]{1,3})(?=战胜|击败|领先|落后|逼平|大胜|险胜|获胜)"),
        lambda found: f"{found[1]}比{found[2]}",
    ),
    (
        re.compile(
            rf"(?<![0-9.~-])({_SIGNED})({_SCALE}|{_MEASURE}|%|‰|℃|°[Cc]|{_UNIT})?(~-?|-)({_N})(%|‰)?"
            rf"(?![0-9.-])(?=({_SCALE}|{_MEASURE}|%|‰|℃|°|{_UNIT})?)"
        ),
        _range,
    ),
    (re.compile(rf"(?<![0-9A-Za-z])(-)?({_N})(℃|°[CcFf]|度[CcFf]|摄氏度|(?<=[0-9])度)"), _temperature),
    (re.compile(rf"(?<![A-Za-z0-9])({_N})({_UNIT})(?:/({_PER}))?"), _unit),
    (re.compile(rf"(?<![0-9A-Za-z²³])({_ALONE})(?![0-9A-Za-z²³])"), lambda found: _UNITS[found[1]]),
    (re.compile(rf"(?<=[0-9])({_MEASURE})/(?=[一-龥])"), lambda found: f"{found[1]}每"),
    (re.compile(rf"(?<![0-9A-Za-z])(-)?({_N})([%‰])"), _share),
    (re.compile(r"(?<![0-9A-Za-z/.])(-)?([0-9]+)/([0-9]+)(?![0-9/.])"), _fraction),
    (re.compile(r"(?<![0-9A-Za-z])-(?=\.?[0-9])"), lambda _: "负"),
    (re.compile(r"第([0-9]{1,9})(?![0-9.])"), _ordinal),
    (re.compile(rf"(?<![0-9.])([0-9]+)({_MORE})?({_MEASURE})"), _count),
    (re.compile(rf"(?<![0-9.])([1-9][0-9]{{1,8}})(?={_MORE})(?!\+)"), lambda found: amount(found[1])),
    (re.compile(rf"(?:{_AFTER_CUE})([1-9][0-9]{{2,8}})(?![0-9.])"), lambda found: amount(found[1])),
    (re.compile(rf"(?<![0-9.]){_NUMBER_OF}([1-9][0-9]{{0,2}}00)(?![0-9.])"), lambda found: amount(found[1])),
)
