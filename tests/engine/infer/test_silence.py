"""Where a stream of tokens is cut."""

from itertools import chain

import torch

from engine.infer.silence import fixed_parts, silence_likeness, silent_parts

LIKENESS = torch.tensor([1.0, 0.5, -1.0, -1.0])  # 0 is silence, 1 nearly so, 2 and 3 are sounds


def _parts(tokens, at_least=4):
    return list(silent_parts(iter(tokens), at_least, LIKENESS))


def test_equal_parts_and_a_rest():
    assert list(fixed_parts(iter(range(7)), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(fixed_parts(iter(()), 3)) == []


def test_a_part_ends_where_it_is_silent():
    tokens = [2, 3, 2, 3, 0, 0, 2, 3, 2, 3, 2, 3, 0, 1, 3, 2]
    parts = _parts(tokens)
    assert parts[0] == [2, 3, 2, 3, 0]
    assert parts[1][-1] == 0
    assert list(chain(*parts)) == tokens


def test_silence_at_the_start_is_no_place_to_cut():
    tokens = [0, 0, 2, 3, 2, 3, 2, 3]
    assert _parts(tokens) == [tokens]


def test_speech_without_silence_is_cut_all_the_same():
    tokens = [2, 3] * 40
    parts = _parts(tokens)
    assert [len(part) for part in parts] == [24, 24, 24, 8]
    assert list(chain(*parts)) == tokens


def test_a_part_is_handed_out_as_soon_as_its_end_is_known():
    taken = []

    def tokens():
        for token in [2, 3, 2, 3, 0, 0, 2, 3]:
            taken.append(token)
            yield token

    next(silent_parts(tokens(), 4, LIKENESS))
    assert len(taken) == 6


def test_likeness_is_the_cosine_and_all_that_points_away_is_alike():
    table = torch.tensor([[2.0, 0.0], [1.0, 1.0], [-0.1, 1.0], [-3.0, 0.0]])
    likeness = silence_likeness(table, 0)
    torch.testing.assert_close(likeness, torch.tensor([1.0, 0.5**0.5, -1.0, -1.0]))
