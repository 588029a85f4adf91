"""Korean text against the stored vectors of the original."""

import pytest

from tests.parity.kit.text_runs import compare_runs
from tests.parity.kit.text_vectors import compare_language


@pytest.mark.parametrize("compare", [compare_language, compare_runs])
def test_phones_are_those_of_the_original_but_for_the_listed(compare):
    found = compare("ko")
    assert found.comparable
    assert not found.raised
    assert not found.unexplained, found.shown(found.unexplained)
    assert not found.stale, f"these agree again: take them off the list\n{found.shown(found.stale)}"
    assert len(found.equal) >= 0.8 * len(found.comparable)


def test_what_the_original_fails_on_is_spoken():
    found = compare_language("ko")
    assert found.crashing
    assert all(len(found.got[name]) > 1 and "UNK" not in found.got[name] for name in found.crashing)
