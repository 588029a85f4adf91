"""English words in hangul, by the rules of writing loanwords (외래어 표기법)."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

from engine.text.en.lexicon import is_word, say
from engine.text.ko.letters import SILENT, Syllable, composed

_STRESS: Final = re.compile(r"[0-2]$")
_ONSETS_TEXT: Final = (
    "Bㅂ CHㅊ Dㄷ DHㄷ DZㅈ Fㅍ Gㄱ HHㅎ JHㅈ Kㅋ Lㄹ Mㅁ Nㄴ Pㅍ Rㄹ Sㅅ SHㅅ Tㅌ THㅅ TSㅊ Vㅂ Zㅈ ZHㅈ"
)
_ONSETS: Final = MappingProxyType({entry[:-1]: entry[-1] for entry in _ONSETS_TEXT.split()})
# Vowel -> its first part and the second, which is a syllable of its own.
_VOWELS_TEXT: Final = (
    "AAㅏ AEㅐ AHㅓ AOㅗ AWㅏㅜ AYㅏㅣ EHㅔ ERㅓ EYㅔㅣ IHㅣ IYㅣ OWㅗ OYㅗㅣ UHㅜ UWㅜ XXㅡ"
)
_VOWELS: Final = MappingProxyType({entry[:2]: entry[2:] for entry in _VOWELS_TEXT.split()})
_WITH_W: Final = MappingProxyType(dict(zip("ㅏㅐㅓㅔㅣㅗㅜㅡ", "ㅘㅙㅝㅞㅟㅝㅜㅜ", strict=True)))
_WITH_Y: Final = MappingProxyType(dict(zip("ㅏㅐㅓㅔㅣㅗㅜㅡ", "ㅑㅒㅕㅖㅣㅛㅠㅠ", strict=True)))
_NASALS: Final = MappingProxyType({"M": "ㅁ", "N": "ㄴ", "NG": "ㅇ"})
_FINAL_STOPS: Final = MappingProxyType({"P": "ㅂ", "T": "ㅅ", "K": "ㄱ"})
_SHORT: Final = frozenset({"AA", "AE", "AH", "EH", "IH", "UH"})
_SONORANTS: Final = frozenset({"L", "R", "M", "N", "W", "Y"})
_WITH_I: Final = frozenset({"CH", "JH", "ZH"})
_FILLER: Final = "ㅡ"
_WEAK: Final = "XX"


def in_hangul(word: str) -> str:
    """An English word of the dictionary in hangul; empty when it is none.

    Args:
        word: Latin letters.
    """
    lower = word.lower()
    return _Writer(lower).written().replace("우어", "워") if is_word(lower) else ""


class _Writer:
    """Writes the phones of one word as syllables."""

    def __init__(self, word: str) -> None:
        self._phones = _joined(say(word))
        self._open_o = "o" in word and "a" not in word
        self._syllables: list[Syllable] = []
        self._onset = ""  # waits for its vowel
        self._glide = ""

    def written(self) -> str:
        """The word in hangul."""
        for place, phone in enumerate(self._phones):
            before = self._phones[place - 1] if place else ""
            behind = self._phones[place + 1] if place + 1 < len(self._phones) else ""
            if phone in _VOWELS:
                self._vowel(phone)
            elif phone in {"W", "Y"}:
                self._glide = phone
            elif behind in _VOWELS or (behind == "Y" and phone != "NG"):
                self._open(phone, before)
            else:
                self._close(phone, before, behind)
        return "".join(map(composed, self._syllables))

    def _vowel(self, phone: str) -> None:
        sound = "ㅗ" if phone == "AA" and self._open_o else _VOWELS[phone]
        first = sound[0]
        glides = {"W": _WITH_W, "Y": _WITH_Y}
        if self._glide:
            first = glides[self._glide][first]
        elif self._onset == "SH":
            first = _WITH_Y[first]
        self._add(_ONSETS.get(self._onset, SILENT), first)
        for second in sound[1:]:
            self._add(SILENT, second)
        self._onset = self._glide = ""

    def _open(self, phone: str, before: str) -> None:
        """A consonant in front of a vowel; L doubles behind an open syllable."""
        if phone == "L" and self._syllables and not self._syllables[-1].coda and before not in _NASALS:
            self._coda("ㄹ")
        if phone == "NG":
            self._coda(_NASALS[phone])
        else:
            self._onset = phone

    def _close(self, phone: str, before: str, behind: str) -> None:
        """A consonant with no vowel behind it."""
        can_close = bool(self._syllables) and not self._syllables[-1].coda and not self._onset
        if phone in _NASALS or phone == "L":
            letter = _NASALS.get(phone, "ㄹ")
            if can_close:
                self._coda(letter)
            else:
                self._add("ㄹ" if before == "L" else SILENT, _FILLER, letter)
        elif phone == "R":
            return
        elif phone in _FINAL_STOPS and before in _SHORT and behind not in _SONORANTS and can_close:
            self._coda(_FINAL_STOPS[phone])
        elif behind == "W" and phone in {"K", "G", "HH"}:
            self._onset = phone
        else:
            self._add(_ONSETS[phone], self._filler(phone, behind))

    def _filler(self, phone: str, behind: str) -> str:
        if phone == "SH":
            return "ㅠ" if behind else "ㅣ"
        return "ㅣ" if phone in _WITH_I else _FILLER

    def _add(self, onset: str, vowel: str, coda: str = "") -> None:
        self._syllables.append(Syllable(onset, vowel, coda))

    def _coda(self, letter: str) -> None:
        last = self._syllables[-1]
        self._syllables[-1] = Syllable(last.onset, last.vowel, letter)


def _joined(phones: tuple[str, ...]) -> list[str]:
    """Phones without stress; T S and D Z as one, a Y in new, a weak vowel in people."""
    found: list[str] = []
    for place, phone in enumerate(phones):
        bare = _STRESS.sub("", phone)
        last = found[-1] if found else ""
        if (last, bare) in {("T", "S"), ("D", "Z")}:
            found[-1] += bare
        elif (last, bare) == ("N", "UW"):
            found += ["Y", "UW"]
        elif phone == "AH0" and phones[place + 1 : place + 2] == ("L",) and last in _ONSETS:
            opens = phones[place + 2 : place + 3]
            found.append("AH" if opens and _STRESS.search(opens[0]) else _WEAK)
        else:
            found.append(bare)
    return found
