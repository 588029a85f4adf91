"""English text against the stored vectors of the original."""

import pytest

from engine.text.symbols import symbol_ids
from tests.parity.kit.text_vectors import compare_language


@pytest.fixture(scope="module")
def found():
    return compare_language("en")


def test_the_vectors_are_all_there(found):
    assert len(found.records) >= 200
    assert found.raised == {}


def test_phones_are_those_of_the_original_but_for_the_listed(found):
    assert not found.unexplained, found.shown(found.unexplained)
    assert not found.stale, found.shown(found.stale)
    assert len(found.equal) >= 0.65 * len(found.comparable)


def test_what_the_original_fails_on_is_spoken(found):
    assert found.crashing
    for name in found.crashing:
        assert len(found.got[name]) > 1
        assert set(found.got[name]) <= set(symbol_ids("v2")) - {"UNK"}
