"""Batches: every item, of one length, the same order each time."""

import pytest

from engine.train.plan import batches_by_frames, batches_by_seconds, epoch_generator, fingerprint, repeated


@pytest.mark.parametrize(("count", "times"), [(1, 100), (6, 16), (60, 2), (99, 2), (100, 1), (500, 1)])
def test_a_small_set_comes_several_times(count, times):
    assert sorted(repeated(count, 100)) == sorted(list(range(count)) * times)


def test_every_item_comes_once_beside_items_of_its_length():
    seconds = [1 + (number * 7 % 40) / 4 for number in range(40)]
    batches = batches_by_seconds(seconds, 3, epoch_generator(1, 0))
    assert sorted(index for batch in batches for index in batch) == list(range(40))
    spread = [max(seconds[i] for i in batch) - min(seconds[i] for i in batch) for batch in batches]
    assert max(spread) <= 4
    assert sum(len(batch) == 3 for batch in batches) == 13


def test_order_is_that_of_seed_and_epoch():
    seconds = [1.0] * 30

    def order(seed, epoch):
        return batches_by_seconds(seconds, 4, epoch_generator(seed, epoch))

    assert order(1, 5) == order(1, 5)
    assert len({str(order(seed, epoch)) for seed in (1, 2) for epoch in (0, 1)}) == 4


def test_frame_ranges_are_never_mixed_and_batches_are_full():
    frames = [20, 32, 33, 100, 300, 301, 400, 401, 1900, 1901]
    batches = batches_by_frames(frames, 3, epoch_generator(1, 0))
    assert {len(batch) for batch in batches} == {3}
    used = {index for batch in batches for index in batch}
    assert used == {2, 3, 4, 5, 6, 7, 8}  # 20, 32 and 1901 lie outside
    ranges = [{2, 3, 4}, {5, 6}, {7}, {8}]
    assert all(any(set(batch) <= one for one in ranges) for batch in batches)


def test_a_fingerprint_tells_apart():
    assert fingerprint(["ab", "c"]) == fingerprint(["ab", "c"])
    assert fingerprint(["ab", "c"]) != fingerprint(["a", "bc"])
