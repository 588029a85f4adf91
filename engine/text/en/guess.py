"""How an unknown word may be said: a small recurrent network over its letters.

The weights are those of g2p-en (resources/text/README.md); the arithmetic is a GRU encoder and a
greedy GRU decoder.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.protocol.builtin import resource

_LETTERS: Final = ("<pad>", "<unk>", "</s>", *"abcdefghijklmnopqrstuvwxyz")
_VOWELS: Final = ("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW")
_CONSONANTS: Final = (
    "B",
    "CH",
    "D",
    "DH",
    "F",
    "G",
    "HH",
    "JH",
    "K",
    "L",
    "M",
    "N",
    "NG",
    "P",
    "R",
    "S",
    "SH",
    "T",
    "TH",
    "UW",
    "V",
    "W",
    "Y",
    "Z",
    "ZH",
)
_PHONES: Final = (
    "<pad>",
    "<unk>",
    "<s>",
    "</s>",
    *sorted([*(f"{vowel}{stress}" for vowel in _VOWELS for stress in "012"), *_CONSONANTS]),
)
_START: Final = 2
_STOP: Final = 3
_MOST_PHONES: Final = 20
_KEPT: Final = 1024

Vector = NDArray[np.float32]


class _Guesser:
    """The network with its weights."""

    def __init__(self) -> None:
        with np.load(resource("text", "g2p_en.npz"), allow_pickle=False) as stored:
            self._weights = {name: stored[name].astype(np.float32) for name in stored.files}
        weights = self._weights
        self._given = {  # what each letter or phone brings into its network
            side: weights[f"{side}_emb"] @ weights[f"{side}_w_ih"].T + weights[f"{side}_b_ih"]
            for side in ("enc", "dec")
        }
        self._letters = {letter: number for number, letter in enumerate(_LETTERS)}

    def phones(self, word: str) -> tuple[str, ...]:
        """Phones of a lower-case word, at most twenty."""
        weights = self._weights
        state: Vector = np.zeros(weights["enc_w_hh"].shape[1], np.float32)
        for letter in (*word, "</s>"):
            state = self._step("enc", self._letters.get(letter, 1), state)
        said: list[str] = []
        last = _START
        while len(said) < _MOST_PHONES:
            state = self._step("dec", last, state)
            last = int((weights["fc_w"] @ state + weights["fc_b"]).argmax())
            if last == _STOP:
                break
            said.append(_PHONES[last])
        return tuple(said)

    def _step(self, side: str, number: int, state: Vector) -> Vector:
        """One step of a gated recurrent unit; gates lie in the order reset, update, new."""
        weights = self._weights
        given = self._given[side][number]
        kept = weights[f"{side}_w_hh"] @ state + weights[f"{side}_b_hh"]
        (reset_in, update_in, new_in), (reset, update, new) = np.split(given, 3), np.split(kept, 3)
        reset_gate = 1 / (1 + np.exp(-(reset_in + reset)))
        update_gate = 1 / (1 + np.exp(-(update_in + update)))
        candidate = np.tanh(new_in + reset_gate * new)
        blended: Vector = ((1 - update_gate) * candidate + update_gate * state).astype(np.float32)
        return blended


@cache
def _guesser() -> _Guesser:
    return _Guesser()


@lru_cache(maxsize=_KEPT)
def guess(word: str) -> tuple[str, ...]:
    """Phones of a lower-case word that no dictionary holds."""
    return tuple(phone for phone in _guesser().phones(word) if not phone.startswith("<"))
