"""A worker that is killed in the middle of a training costs nothing but time."""

from tests.contract.train_kills import Kill, killed_run


def test_killed_twice_the_weights_are_those_of_an_undisturbed_run(tmp_path):
    ends, result, equal = killed_run(tmp_path, "train_sovits", [(3, 0.0), (6, 0.01)], total_epochs=4)
    assert all(isinstance(end, Kill) for end in ends)
    assert result.numbers["steps"] == 8
    assert result.numbers["steps_now"] < 8
    assert equal
