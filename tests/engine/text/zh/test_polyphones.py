"""The polyphone model, with a tiny network written by hand: its answer depends on the character only."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from engine.text.spoken import TextSettings
from engine.text.zh.phones import to_phones
from engine.text.zh.polyphones import polyphone_model

READINGS = {"行": ("ㄏㄤ2", "ㄒㄧㄥ2"), "長": ("ㄓㄤ3", "ㄔㄤ2"), "不": ("ㄅㄨ4", "ㄈㄡ3")}
SPELLINGS = {"ㄏㄤ": "hang", "ㄒㄧㄥ": "xing", "ㄓㄤ": "zhang", "ㄔㄤ": "chang", "ㄅㄨ": "bu", "ㄈㄡ": "fou"}
INPUTS = {
    **dict.fromkeys(("input_ids", "token_type_ids", "attention_mask"), (7, 2)),
    "phoneme_mask": (1, 2),
    **dict.fromkeys(("char_ids", "position_ids"), (7, 1)),
}


def varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def part(number: int, value: int | str | bytes) -> bytes:
    """One field of a protobuf message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def tensor_type(name: str, kind: int, rank: int) -> bytes:
    shape = b"".join(part(1, part(2, f"d{name}{place}")) for place in range(rank))
    return part(1, name) + part(2, part(1, part(1, kind) + part(2, shape)))


def network(scores: np.ndarray) -> bytes:
    """An ONNX file of g2pW's inputs: probs = scores[char_ids] * phoneme_mask."""
    table = part(1, scores.shape[0]) + part(1, scores.shape[1]) + part(2, 1) + part(8, "table")
    table += part(9, scores.astype("<f4").tobytes())
    gather = part(1, "table") + part(1, "char_ids") + part(2, "rows") + part(4, "Gather")
    times = part(1, "rows") + part(1, "phoneme_mask") + part(2, "probs") + part(4, "Mul")
    graph = part(1, gather) + part(1, times) + part(2, "g") + part(5, table)
    graph += b"".join(part(11, tensor_type(name, *how)) for name, how in INPUTS.items())
    graph += part(12, tensor_type("probs", 1, 2))
    return part(1, 8) + part(7, graph) + part(8, part(1, "") + part(2, 13))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as g2pW's makers give it out; the network prefers the second reading of every character."""
    made = tmp_path / "用户 it's 名" / "G2PWModel"
    made.mkdir(parents=True)
    names = sorted(reading for both in READINGS.values() for reading in both)
    scores = np.ones((len(READINGS), len(names)))
    for row, sign in enumerate(sorted(READINGS)):
        scores[row, names.index(READINGS[sign][1])] = 2
    (made / "g2pW.onnx").write_bytes(network(scores))
    listed = "".join(f"{sign}\t{reading}\n" for sign, both in READINGS.items() for reading in both)
    (made / "POLYPHONIC_CHARS.txt").write_text(listed, encoding="utf-8")
    (made / "bopomofo_to_pinyin_wo_tune_dict.json").write_text(json.dumps(SPELLINGS), encoding="utf-8")
    (made / "vocab.txt").write_text("[UNK]\n[CLS]\n[SEP]\n銀\n行\n長\n", encoding="utf-8")
    return made


def said(text: str, folder: Path, **entries: tuple[str, ...]) -> tuple[str, ...]:
    return to_phones(text, TextSettings(polyphones=str(folder), entries=entries)).phones


def test_the_model_decides_where_it_knows_a_character(folder):
    assert said("银行", folder) == ("y", "in2", "x", "ing2")
    assert said("校长", folder) == ("x", "iao4", "ch", "ang2")
    assert said("不", folder) == ("b", "u4"), "some characters are left to the dictionary"
    assert said("行" * 70, folder)[:138] == ("x", "ing2") * 69


def test_the_users_words_win_over_the_model(folder):
    assert said("银行", folder, 银行=("yin2", "hang2")) == ("y", "in2", "h", "ang2")


def test_a_list_of_words_overrules_the_model(folder):
    (folder / "polyphonic.rep").write_text("银行: ['yin2', 'hang2']\n长: ['zhang3']\n", encoding="utf-8")
    assert said("银行长", folder)[2:4] == ("h", "ang2")
    assert said("校长", folder)[2:] == ("zh", "ang3")


def test_v1_has_no_polyphone_model(folder):
    settings = TextSettings(version="v1", polyphones=str(folder))
    assert to_phones("银行", settings).phones == ("y", "in2", "h", "ang2")


@pytest.mark.parametrize("broken", ["g2pW.onnx", "POLYPHONIC_CHARS.txt", "vocab.txt"])
def test_a_broken_folder_is_named_once_and_text_is_spoken_without(folder, caplog, broken):
    (folder / broken).unlink()
    polyphone_model.cache_clear()
    with caplog.at_level(logging.WARNING):
        assert said("银行", folder) == said("银行", folder) == ("y", "in2", "h", "ang2")
    assert len(caplog.records) == 1
    assert str(folder) in caplog.text
