"""A worker that is killed in the middle of a training costs nothing but time."""

import pytest

from tests.contract.train_kills import Kill, killed_run


@pytest.mark.parametrize(("name", "epochs"), [("train_gpt", 2), ("train_sovits", 4)])
def test_killed_twice_the_weights_are_those_of_an_undisturbed_run(tmp_path, name, epochs):
    ends, result, equal = killed_run(tmp_path, name, [(3, 0.0), (6, 0.01)], total_epochs=epochs)
    assert all(isinstance(end, Kill) for end in ends)
    assert result.numbers["steps"] == 8
    assert result.numbers["steps_now"] < 8
    assert equal
