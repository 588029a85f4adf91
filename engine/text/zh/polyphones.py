"""A polyphone model of the user's own: g2pW, which reads characters with several readings by the sentence.

The folder is the one that g2pW's makers give out, `GPT_SoVITS/text/G2PWModel`; it is never fetched. The
text encoder's `vocab.txt` is looked for in it and among the pretrained models. `polyphonic.rep`, a list of
words that overrule the model, is used if it is there too, or in `GPT_SoVITS/text/g2pw`.
"""

from __future__ import annotations

import ast
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Protocol, cast

import numpy as np

from engine.text.zh.syllables import is_syllable

log = logging.getLogger(__name__)

_MODEL: Final = "g2pW.onnx"
_READINGS: Final = "POLYPHONIC_CHARS.txt"
_SPELLINGS: Final = "bopomofo_to_pinyin_wo_tune_dict.json"
_VOCABULARY: Final = "vocab.txt"
_ENCODER: Final = "chinese-roberta-wwm-ext-large"
_WORDS: Final = ("polyphonic.rep", "polyphonic-fix.rep")
_WINDOW: Final = 32
_BATCH: Final = 32
_NOT_ASKED: Final = frozenset("一不和咋嗲剖差攢倒難奔勁拗肖瘙誒泊听噢")
"""Characters that the model is known to read worse than a dictionary (traditional forms)."""


class _Session(Protocol):
    def run(self, names: None, feed: Mapping[str, Any]) -> Sequence[Any]: ...


@dataclass(frozen=True, slots=True)
class PolyphoneModel:
    """A loaded model.

    Attributes:
        session: The network.
        traditional: Gives a text as it is written in Taiwan, which the network was trained on.
        tokens: Character -> number in the text encoder's vocabulary.
        labels: Readings in the order of the network's answers, as pinyin.
        choices: Character -> which of the labels it can have; in the order of the network's characters.
        words: Words that overrule the network, with their syllables.
    """

    session: _Session
    traditional: Callable[[str], str]
    tokens: Mapping[str, int]
    labels: tuple[str, ...]
    choices: Mapping[str, tuple[int, ...]]
    words: Mapping[str, tuple[str, ...]]

    def read(self, sentence: str) -> dict[int, str]:
        """Place -> syllable of those characters of a sentence that the model knows."""
        shown = self.traditional(sentence)
        if len(shown) != len(sentence):
            shown = sentence
        places = [
            place for place, sign in enumerate(shown) if sign in self.choices and sign not in _NOT_ASKED
        ]
        found: dict[int, str] = {}
        for start in range(0, len(places), _BATCH):
            asked = places[start : start + _BATCH]
            (answers, *_) = self.session.run(None, self._feed(shown, asked))
            chosen = np.asarray(answers).argmax(axis=-1)
            found |= {place: self.labels[int(label)] for place, label in zip(asked, chosen, strict=True)}
        return {place: syllable for place, syllable in found.items() if is_syllable(syllable)}

    def overruled(self, word: str, syllables: Sequence[str]) -> list[str]:
        """The syllables of a word after the list of words, or of its characters if the list lacks it."""
        if len(self.words.get(word, ())) == len(word):
            return list(self.words[word])
        single = (self.words.get(sign, ()) for sign in word)
        return [
            own[0] if len(own) == 1 else syllable for own, syllable in zip(single, syllables, strict=True)
        ]

    def _feed(self, sentence: str, places: Sequence[int]) -> dict[str, Any]:
        """The network's inputs, one row for each place, of the characters around it."""
        windows = [_window(place, len(sentence)) for place in places]
        width = max(end - start for start, end in windows) + 2
        ids = np.zeros((len(places), width), np.int64)
        mask = np.zeros_like(ids)
        allowed = np.zeros((len(places), len(self.labels)), np.float32)
        unknown = self.tokens.get("[UNK]", 0)
        for row, (place, (start, end)) in enumerate(zip(places, windows, strict=True)):
            inside = [self.tokens.get(sign, unknown) for sign in sentence[start:end]]
            whole = [self.tokens.get("[CLS]", 0), *inside, self.tokens.get("[SEP]", 0)]
            ids[row, : len(whole)] = whole
            mask[row, : len(whole)] = 1
            allowed[row, list(self.choices[sentence[place]])] = 1.0
        characters = {sign: number for number, sign in enumerate(self.choices)}
        return {
            "input_ids": ids,
            "token_type_ids": np.zeros_like(ids),
            "attention_mask": mask,
            "phoneme_mask": allowed,
            "char_ids": np.array([characters[sentence[place]] for place in places], np.int64),
            "position_ids": np.array(
                [place - start + 1 for place, (start, _) in zip(places, windows, strict=True)], np.int64
            ),
        }


def _window(place: int, length: int) -> tuple[int, int]:
    return max(0, place - _WINDOW // 2), min(length, place + _WINDOW // 2)


@lru_cache(maxsize=1)
def polyphone_model(folder: str) -> PolyphoneModel | None:
    """The model of a folder; None, with a line in the log, if it cannot be used."""
    try:
        return _load(Path(folder))
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it, text is spoken without
        log.warning("The polyphone model in %s is not used: %s", folder, error)
        return None


def _load(folder: Path) -> PolyphoneModel:
    import onnxruntime
    from opencc import OpenCC

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        (folder / _MODEL).read_bytes(), options, providers=["CPUExecutionProvider"]
    )
    listed = [line.split("\t") for line in _lines(folder / _READINGS)]
    spellings: dict[str, str] = json.loads((folder / _SPELLINGS).read_text(encoding="utf-8"))
    names = sorted({reading for _, reading in listed})
    number = {reading: place for place, reading in enumerate(names)}
    choices: dict[str, tuple[int, ...]] = {}
    for sign, reading in listed:
        choices[sign] = (*choices.get(sign, ()), number[reading])
    return PolyphoneModel(
        session=cast(_Session, session),
        traditional=OpenCC("s2tw").convert,
        tokens={token: place for place, token in enumerate(_lines(_vocabulary(folder)))},
        labels=tuple(f"{spellings.get(name[:-1], '')}{name[-1]}".replace("ü", "v") for name in names),
        choices={sign: choices[sign] for sign in sorted(choices)},
        words=_words(folder),
    )


def _vocabulary(folder: Path) -> Path:
    for place in (folder, folder.parent / _ENCODER, folder.parent.parent / "pretrained_models" / _ENCODER):
        if (place / _VOCABULARY).is_file():
            return place / _VOCABULARY
    raise FileNotFoundError(f"{_VOCABULARY} of {_ENCODER} is neither in the folder nor beside it")


def _words(folder: Path) -> Mapping[str, tuple[str, ...]]:
    """Words with their syllables; lines are `word: ['pin1', 'yin1']`."""
    words: dict[str, tuple[str, ...]] = {}
    listed = [place / name for name in _WORDS for place in (folder.parent / "g2pw", folder)]
    for path in listed:
        for line in _lines(path) if path.is_file() else ():
            word, _, said = line.partition(":")
            syllables = tuple(map(str, ast.literal_eval(said.strip())))
            if all(map(is_syllable, syllables)):
                words[word.strip()] = syllables
    return words


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
