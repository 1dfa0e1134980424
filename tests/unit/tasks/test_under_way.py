import threading
import time
from uuid import uuid4

import pytest

from ticketflow.tasks.under_way import StepsUnderWay

TICKET, OTHER = uuid4(), uuid4()


@pytest.fixture
def steps() -> StepsUnderWay:
    return StepsUnderWay()


def test_a_step_hangs_from_its_time_limit_on_until_it_is_back(steps):
    with steps.keep(TICKET, "draft", 10):
        (hung,) = steps.list_hung(time.monotonic() + 10)
        assert (hung.ticket_id, hung.step, hung.thread_id) == (TICKET, "draft", threading.get_ident())
        assert steps.list_hung(hung.ends_at) == [hung]
        assert steps.list_hung(hung.ends_at - 0.001) == []

    assert steps.list_hung(hung.ends_at) == []


def test_the_step_that_hangs_for_longest_comes_first(steps):
    with steps.keep(TICKET, "draft", 2), steps.keep(OTHER, "review", 1):
        assert [each.step for each in steps.list_hung(time.monotonic() + 5)] == ["review", "draft"]


def test_another_try_of_a_ticket_that_hangs_here_is_not_waited_for(steps):
    with steps.keep(TICKET, "draft", 1), steps.keep(TICKET, "draft", 1000), steps.keep(OTHER, "draft", 1000):
        assert steps.count_hopeless(time.monotonic()) == 0
        assert steps.count_hopeless(time.monotonic() + 1) == 2


def test_a_step_that_fails_hangs_no_more(steps):
    with pytest.raises(ValueError, match="no"), steps.keep(TICKET, "draft", 0):
        raise ValueError("no")

    assert steps.list_hung(time.monotonic()) == []
