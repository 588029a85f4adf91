"""Cantonese text against the stored vectors of the original."""

import pytest

from engine.text.frontend import phonemize
from tests.parity.kit.cases import read_json
from tests.parity.kit.text_runs import compare_runs
from tests.parity.kit.text_vectors import compare_language


@pytest.mark.parametrize("compare", [compare_language, compare_runs])
def test_phones_are_those_of_the_original_but_for_the_listed(compare):
    found = compare("yue")
    assert found.comparable
    assert not found.raised
    assert not found.unexplained, found.shown(found.unexplained)
    assert not found.stale, f"these agree again: take them off the list\n{found.shown(found.stale)}"
    assert len(found.equal) >= 0.8 * len(found.comparable)


def test_what_the_original_fails_on_is_read_or_left_out():
    found = compare_language("yue")
    assert found.crashing
    spoken = {found.records[name]["text"]: " ".join(found.got[name]) for name in found.crashing}
    assert spoken == {"乄": "", "艹": "", "乛丿": "Yp Yit3", "٣個": "Ys Yaam1 Yg Yo3"}


@pytest.mark.parametrize("character", sorted(read_json("text", "bad_hanzi.json")["yue"]))
def test_characters_that_the_original_fails_on_are_read_or_left_out(character):
    spoken = phonemize(character, "yue")
    assert "UNK" not in spoken.phones
    assert sum(spoken.word2ph) == len(spoken.phones)
