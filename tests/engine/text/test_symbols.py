"""The phone tables."""

from engine.text.symbols import MARKS, phone_ids, symbol_ids
from tests.parity.kit.cases import read_json


def test_the_table_is_the_original_one():
    listed = read_json("text", "symbols.json")
    assert list(symbol_ids("v2")) == listed["v2"]["symbols"]
    assert set(listed["punctuation"]) == MARKS
    assert symbol_ids("v2")[listed["pad"]] == listed["v2"]["symbols"].index("_")


def test_an_unknown_phone_is_unk():
    table = symbol_ids("v2")
    assert phone_ids(["AH0", "no such"], "v2") == (table["AH0"], table["UNK"])
