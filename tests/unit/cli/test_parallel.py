import threading

import pytest

from ticketflow.cli.parallel import map_parallel


def test_each_input_is_answered_once():
    assert sorted(map_parallel(lambda number: number * 2, [5, 6, 7], threads=8)) == [(0, 10), (1, 12), (2, 14)]


def test_nothing_to_do_is_done():
    assert list(map_parallel(str, [], threads=8)) == []


def test_inputs_are_worked_on_at_the_same_time():
    both = threading.Barrier(2, timeout=5)

    assert len(list(map_parallel(lambda _: both.wait(), [1, 2], threads=2))) == 2


def test_the_first_error_ends_it():
    begun = []

    def work(number: int) -> None:
        begun.append(number)
        raise ValueError(number)

    with pytest.raises(ValueError, match="0"):
        list(map_parallel(work, range(1000), threads=1))

    assert begun == [0]
