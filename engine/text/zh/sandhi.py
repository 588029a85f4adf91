"""Tones in context: which words are joined, and how the tones of a word change.

The rules, their order and the word lists are those that the models were trained with (word lists:
PaddleSpeech, Apache-2.0); parity: tests/parity/test_chinese.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Final

from engine.protocol.builtin import resource
from engine.text.zh.syllables import tone, with_tone
from engine.text.zh.words import USER, Word, halves

Read = Callable[[str], Sequence[str]]
"""Gives the syllables of a word."""

_PARTICLES: Final = frozenset("吧呢哈啊呐噻嘛吖嗨哦哒额滴哩哟喽啰耶喔诶")
_STRUCTURE: Final = frozenset("的地得")
_ASPECT: Final = frozenset("了着过")
_DIRECTED: Final = frozenset("上下进出回过起开")
_COUNTING: Final = frozenset("几有两半多各整每做是")


@cache
def _lists() -> Mapping[str, frozenset[str]]:
    """The word lists by name."""
    stored: dict[str, str] = json.loads(resource("text", "zh_tone_words.json").read_text(encoding="utf-8"))
    return MappingProxyType({name: frozenset(listed.split()) for name, listed in stored.items()})


# Joining words


def join_words(found: Sequence[Word], read: Read) -> list[Word]:
    """Words whose tones depend on each other become one; the user's own words stay alone."""
    joined: list[Word] = []
    stretch: list[Word] = []
    for word in found:
        if word.tag != USER:
            stretch.append(word)
            continue
        joined += [*_join(stretch, read), word]
        stretch = []
    return joined + _join(stretch, read)


def _join(found: list[Word], read: Read) -> list[Word]:
    found = _join_next(found, "不")
    found = _join_next(_join_verb_one_verb(found), "一")
    found = _join_equal(found)
    found = _join_third_tones(found, read, whole=True)
    found = _join_third_tones(found, read, whole=False)
    return _join_er(found)


def _join_next(found: list[Word], particle: str) -> list[Word]:
    """不 and 一 are said with what follows; with 不 the kind of word is that of what follows."""
    joined: list[Word] = []
    for word in found:
        if not joined or joined[-1].text != particle:
            joined.append(word)
        elif particle == "不":
            joined[-1] = Word(particle + word.text, word.tag)
        else:
            joined[-1] = Word(particle + word.text, joined[-1].tag)
    return joined


def _join_verb_one_verb(found: list[Word]) -> list[Word]:
    """看 一 看 is one word."""
    joined: list[Word] = []
    place = 0
    while place < len(found):
        word = found[place]
        before = joined[-1] if joined else None
        after = found[place + 1] if place + 1 < len(found) else None
        if before and after and word.text == "一" and before == after and before.tag == "v":
            joined[-1] = Word(f"{before.text}一{after.text}", before.tag)
            place += 2
            continue
        joined.append(word)
        place += 1
    return joined


def _join_equal(found: list[Word]) -> list[Word]:
    joined: list[Word] = []
    for word in found:
        if joined and joined[-1].text == word.text:
            joined[-1] = Word(word.text * 2, joined[-1].tag)
        else:
            joined.append(word)
    return joined


def _join_third_tones(found: list[Word], read: Read, *, whole: bool) -> list[Word]:
    """Short neighbours in the third tone: `whole` asks it of every syllable, else of those that meet."""
    syllables = [list(read(word.text)) for word in found]
    joined: list[Word] = []
    just_joined = False
    for place, word in enumerate(found):
        before = found[place - 1] if place else None
        if before and not just_joined and _meets(syllables[place - 1], syllables[place], whole=whole):
            short = len(before.text) + len(word.text) <= 3
            just_joined = short and not _is_double(before.text)
        else:
            just_joined = False
        if just_joined:
            joined[-1] = Word(joined[-1].text + word.text, joined[-1].tag)
        else:
            joined.append(word)
    return joined


def _meets(left: list[str], right: list[str], *, whole: bool) -> bool:
    if whole:
        return _all_third(left) and _all_third(right)
    return _all_third(left[-1:]) and _all_third(right[:1])


def _is_double(text: str) -> bool:
    return len(text) == 2 and text[0] == text[1]


def _join_er(found: list[Word]) -> list[Word]:
    joined: list[Word] = []
    for word in found:
        if joined and word.text == "儿":
            joined[-1] = Word(joined[-1].text + word.text, joined[-1].tag)
        else:
            joined.append(word)
    return joined


# Tones of a word


def change_tones(word: Word, syllables: Sequence[str]) -> list[str]:
    """Tones as a word is said: 不, 一, neutral tones, then third tones. One syllable a character."""
    changed = _bu(word.text, list(syllables))
    changed = _yi(word.text, changed)
    changed = _neutral(word, changed)
    return _third(word.text, changed)


def _bu(text: str, syllables: list[str]) -> list[str]:
    if len(text) == 3 and text[1] == "不":
        syllables[1] = with_tone(syllables[1], "5")
        return syllables
    for place, sign in enumerate(text[:-1]):
        if sign == "不" and tone(syllables[place + 1]) == "4":
            syllables[place] = with_tone(syllables[place], "2")
    return syllables


def _yi(text: str, syllables: list[str]) -> list[str]:
    if "一" not in text or all(sign.isnumeric() for sign in text):
        return syllables
    if len(text) == 3 and text[1] == "一" and text[0] == text[2]:
        syllables[1] = with_tone(syllables[1], "5")
    elif text.startswith("第一"):
        syllables[1] = with_tone(syllables[1], "1")
    else:
        for place, sign in enumerate(text[:-1]):
            if sign == "一" and (after := tone(syllables[place + 1])):
                syllables[place] = with_tone(syllables[place], "2" if after == "4" else "4")
    return syllables


def _neutral(word: Word, syllables: list[str]) -> list[str]:
    text, listed = word.text, _lists()
    if word.tag[:1] in {"n", "v", "a"} and text not in listed["never_neutral"]:
        for place in range(1, len(text)):
            if text[place] == text[place - 1]:
                syllables[place] = with_tone(syllables[place], "5")
    counter = text.find("个")
    if _ends_neutral(word):
        syllables[-1] = with_tone(syllables[-1], "5")
    elif text == "个" or (counter > 0 and (text[counter - 1].isnumeric() or text[counter - 1] in _COUNTING)):
        syllables[counter] = with_tone(syllables[counter], "5")
    elif _is_listed(text):
        syllables[-1] = with_tone(syllables[-1], "5")
    end = 0
    for part in halves(text):
        end += len(part)
        if part and _is_listed(part):
            syllables[end - 1] = with_tone(syllables[end - 1], "5")
    return syllables


def _is_listed(text: str) -> bool:
    listed = _lists()["always_neutral"]
    return text in listed or text[-2:] in listed


def _ends_neutral(word: Word) -> bool:
    """Whether grammar makes the last syllable weak."""
    text, last = word.text, word.text[-1]
    if last in _PARTICLES or last in _STRUCTURE:
        return True
    if len(text) == 1:
        return last in _ASPECT and word.tag in {"ul", "uz", "ug"}
    if last in "们子":
        return word.tag in {"r", "n"} and text not in _lists()["never_neutral"]
    if last in "上下里":
        return word.tag in {"s", "l", "f"}
    return last in "来去" and text[-2] in _DIRECTED


def _all_third(syllables: Sequence[str]) -> bool:
    return bool(syllables) and all(tone(syllable) == "3" for syllable in syllables)


def _third(text: str, syllables: list[str]) -> list[str]:
    if len(text) == 2 and _all_third(syllables):
        return [with_tone(syllables[0], "2"), syllables[1]]
    if len(text) == 3:
        return _third_of_three(text, syllables)
    if len(text) == 4:
        return [*_third(text[:2], syllables[:2]), *_third(text[2:], syllables[2:])]
    return syllables


def _third_of_three(text: str, syllables: list[str]) -> list[str]:
    first = len(halves(text)[0])
    if _all_third(syllables):
        raised = range(2) if first == 2 else range(1, 2) if first == 1 else range(0)
        return [with_tone(one, "2") if place in raised else one for place, one in enumerate(syllables)]
    if first not in {1, 2}:
        return syllables
    left, right = syllables[:first], syllables[first:]
    if len(left) == 2 and _all_third(left):
        left[0] = with_tone(left[0], "2")
    if len(right) == 2 and _all_third(right):
        right[0] = with_tone(right[0], "2")
    elif not _all_third(right) and tone(right[0]) == "3" and tone(left[-1]) == "3":
        left[-1] = with_tone(left[-1], "2")
    return [*left, *right]


# The ending 儿


def weaken_er(word: Word, syllables: Sequence[str]) -> list[str]:
    """儿 at the end of a word takes the tone before it, unless it means a child."""
    text, said, listed = word.text, list(syllables), _lists()
    if text[-1:] != "儿" or len(said) != len(text):
        return said
    if said[-1] == "er1":
        said[-1] = "er2"
    never = listed["never_erhua"]
    if text not in listed["always_erhua"] and (text in never or word.tag in {"a", "j", "nr"}):
        return said
    if len(said) > 1 and said[-1] in {"er2", "er5"} and text[-2:] not in never and tone(said[-2]):
        said[-1] = with_tone(said[-1], tone(said[-2]))
    return said
