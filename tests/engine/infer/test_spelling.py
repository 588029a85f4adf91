"""Texts as the networks take them: ids, and features where Chinese is spoken."""

import torch

from engine.infer.spelling import Speller
from engine.protocol.versions import version
from engine.text.symbols import phone_ids


class _Encoder:
    """Gives a character's number as the feature of each of its phones."""

    channels = 3

    def encode(self, text, counts):
        marks = [float(ord(letter)) for letter in text]
        row = torch.tensor([mark for mark, count in zip(marks, counts, strict=True) for _ in range(count)])
        return row.expand(self.channels, -1)


def _speller(encoder=None, channels=3):
    asked = []

    def load():
        asked.append(1)
        return encoder

    return Speller(version("v2"), channels, load), asked


def test_english_has_ids_and_no_features():
    speller, asked = _speller(_Encoder())
    words = speller.spell("Hello, world.", "en")
    assert words.phones[:4].tolist() == list(phone_ids(("HH", "AH0", "L", "OW1"), "v2"))
    assert words.features.shape == (3, len(words.phones))
    assert not words.features.any()
    assert not words.unheard
    assert asked == []


def test_chinese_has_features_where_it_is_spoken_and_nowhere_else():
    speller, asked = _speller(_Encoder())
    words = speller.spell("你好 hello 世界", "zh")
    heard = words.features[0] > 0
    assert not words.unheard
    assert words.features.shape == (3, len(words.phones))
    assert words.features[0, :2].tolist() == [float(ord("你"))] * 2
    assert heard.any()
    assert not heard.all()
    speller.spell("世界", "zh")
    assert len(asked) == 1  # the encoder is loaded once


def test_without_a_fitting_encoder_chinese_is_spoken_and_said_to_be_unheard():
    for speller, _ in (_speller(None), _speller(_Encoder(), channels=4)):
        words = speller.spell("你好世界", "zh")
        assert words.unheard
        assert not words.features.any()
