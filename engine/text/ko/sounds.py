"""What becomes of a coda and the onset behind it, by the Standard Pronunciation of Korean.

The numbers are the articles of 표준 발음법.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from engine.text.ko.letters import SILENT, Syllable, parts_of

Pair = tuple[str, str]
"""A coda and an onset; a coda may be empty."""

# 9-11: what a coda is at the end of a word and before consonants.
_PLAIN: Final = MappingProxyType(
    {
        **dict.fromkeys("ㄲㅋㄳㄺ", "ㄱ"),
        **dict.fromkeys("ㅅㅆㅈㅊㅌㅎ", "ㄷ"),
        **dict.fromkeys("ㅍㅄㄿ", "ㅂ"),
        **dict.fromkeys("ㄵㄶ", "ㄴ"),
        **dict.fromkeys("ㄼㄽㄾㅀ", "ㄹ"),
        "ㄻ": "ㅁ",
    }
)
_ASPIRATED: Final = MappingProxyType({"ㄱ": "ㅋ", "ㄷ": "ㅌ", "ㅂ": "ㅍ", "ㅈ": "ㅊ"})
_TENSE: Final = MappingProxyType({"ㄱ": "ㄲ", "ㄷ": "ㄸ", "ㅂ": "ㅃ", "ㅅ": "ㅆ", "ㅈ": "ㅉ"})
_NASAL: Final = MappingProxyType({"ㄱ": "ㅇ", "ㄷ": "ㄴ", "ㅂ": "ㅁ"})
# 12: coda -> what is left of it, and what it does to the ㅎ behind it.
_BEFORE_H: Final = MappingProxyType(
    {
        **dict.fromkeys("ㄱㄲㅋㄳ", ("", "ㅋ")),
        **dict.fromkeys("ㄷㅅㅆㅊㅌ", ("", "ㅌ")),
        **dict.fromkeys("ㅂㅍㅄ", ("", "ㅍ")),
        "ㅈ": ("", "ㅊ"),
        "ㄵ": ("ㄴ", "ㅊ"),
        "ㄺ": ("ㄹ", "ㅋ"),
        "ㄼ": ("ㄹ", "ㅍ"),
        "ㄿ": ("ㅂ", "ㅍ"),
        "ㅎ": ("", "ㅎ"),
    }
)
# 12.4: the ㅎ of a coda is silent before a vowel.
_SILENT_H: Final = MappingProxyType({"ㅎ": SILENT, "ㄶ": "ㄴ", "ㅀ": "ㄹ"})
# 17: before ㅣ.
_PALATAL: Final = MappingProxyType({"ㄷ": ("", "ㅈ"), "ㅌ": ("", "ㅊ"), "ㄾ": ("ㄹ", "ㅊ")})
# 16: names of letters.
_LETTER_NAMES: Final = MappingProxyType(
    {"귿": "ㅅ", "읒": "ㅅ", "읓": "ㅅ", "읔": "ㄱ", "읕": "ㅅ", "읖": "ㅂ", "읗": "ㅅ"}
)
_STEM_TENSE: Final = frozenset("ㄱㄷㅅㅈ")
_STEM_CODAS: Final = MappingProxyType(
    {"ㄴ": "ㄴ", "ㄵ": "ㄴ", "ㅁ": "ㅁ", "ㄻ": "ㅁ", "ㄼ": "ㄹ", "ㄾ": "ㄹ"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """Where two syllables meet.

    Attributes:
        written: The first as written.
        following: Letters of the second.
        spaced: Whether a space stands between them.
        stem: Whether the first ends the stem of a verb or an adjective.
        ending: Whether the first is an ending that makes a verb modify a noun.
    """

    written: str
    following: Syllable
    spaced: bool = False
    stem: bool = False
    ending: bool = False


def alone(coda: str) -> str:
    """A coda at the end of a word."""
    return _PLAIN.get(coda, coda)


def vowel_of(vowel: str, *, written: str, said: str) -> str:
    """5: a vowel behind an onset, as that is written and as it is said."""
    if vowel == "ㅕ" and said in "ㅈㅉㅊ":
        return "ㅓ"
    return "ㅣ" if vowel == "ㅢ" and written != SILENT else vowel


def met(coda: str, meeting: Meeting) -> Pair:
    """The coda of the first syllable and the onset of the second as they are said."""
    onset = meeting.following.onset
    if not coda:
        return coda, onset
    if onset == SILENT:
        return (alone(coda), onset) if meeting.spaced else _before_vowel(coda, meeting)
    if onset == "ㅎ":
        return _before_h(coda, meeting)
    if meeting.ending and meeting.spaced and coda == "ㄹ":
        return coda, _TENSE.get(onset, onset)  # 27
    if coda == "ㄼ" and _is_lip(meeting):
        return _before_consonant("ㅂ", onset, spaced=meeting.spaced)
    if meeting.stem and not meeting.spaced and (pair := _behind_stem(coda, onset)):
        return pair
    if "ㅎ" in parts_of(coda):
        return _behind_h(coda, onset)
    return _before_consonant(coda, onset, spaced=meeting.spaced)


def _before_vowel(coda: str, meeting: Meeting) -> Pair:
    """13-17: a coda moves over to a vowel."""
    if letter := _LETTER_NAMES.get(meeting.written):
        return "", letter
    if meeting.following.vowel in "ㅣㅕ" and (palatal := _PALATAL.get(coda)):
        return palatal
    if moved := _SILENT_H.get(coda):
        return "", moved
    if coda == SILENT:
        return coda, SILENT
    parts = parts_of(coda)
    if len(parts) == 1:
        return "", coda
    return parts[0], "ㅆ" if parts[1] == "ㅅ" else parts[1]


def _before_h(coda: str, meeting: Meeting) -> Pair:
    if coda == "ㄷ" and meeting.following.vowel in "ㅣㅕ" and not meeting.spaced:
        return "", "ㅊ"
    return _BEFORE_H.get(coda) or (alone(coda), "ㅎ")


def _behind_stem(coda: str, onset: str) -> Pair | None:
    """11 and 24-25: stems make the consonant behind them tense."""
    if coda == "ㄺ" and onset in "ㄱㄲ":
        return "ㄹ", "ㄲ"
    if onset in _STEM_TENSE and (left := _STEM_CODAS.get(coda)):
        return left, _TENSE[onset]
    return None


def _is_lip(meeting: Meeting) -> bool:
    """10: 밟- and 넓- in 넓죽하다, 넓둥글다 keep the ㅂ of their coda."""
    following = meeting.following
    return meeting.written == "밟" or (
        meeting.written == "넓" and following.onset in "ㅈㅉㄷㄸ" and following.vowel == "ㅜ"
    )


def _behind_h(coda: str, onset: str) -> Pair:
    """12: ㅎ, ㄶ and ㅀ before consonants."""
    left = parts_of(coda).removesuffix("ㅎ")
    if onset == "ㄴ":
        return ("ㄹ", "ㄹ") if left == "ㄹ" else ("ㄴ", "ㄴ")
    if onset == "ㄹ" and left:
        return "ㄹ", "ㄹ"
    if onset == "ㅅ":
        return left, "ㅆ"
    return left, onset if onset == "ㅂ" else _ASPIRATED.get(onset, onset)


def _before_consonant(coda: str, onset: str, *, spaced: bool) -> Pair:
    plain = alone(coda)
    if plain in _NASAL:
        if onset in "ㄴㅁㄹ":
            return _NASAL[plain], "ㄴ" if onset == "ㄹ" else onset  # 18-19
        return plain, _TENSE.get(onset, onset)  # 23
    if onset == "ㄹ" and plain in "ㅁㅇ":
        return plain, "ㄴ"  # 19
    if onset == "ㄹ" and plain == "ㄴ":
        return "ㄹ", "ㄹ"  # 20
    if onset == "ㄴ" and plain == "ㄹ" and not spaced:
        return "ㄹ", "ㄹ"  # 20
    if coda in "ㄼㄽ":
        return plain, _TENSE.get(onset, onset)  # 25
    return plain, onset
