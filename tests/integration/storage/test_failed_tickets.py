import pytest

from tests.integration.storage.rows import HOUR, NOW, SECOND, TICK, add_ticket
from ticketflow.storage.failed_tickets import FailedFilter, list_failed, list_failed_ids, lock_failed


def add_failed(session, **values):
    return add_ticket(session, **{"status": "failed", "error": {"class": "BadModelOutputError"}, **values})


@pytest.mark.parametrize(
    ("wanted", "is_so"),
    [
        (FailedFilter(step="send"), {"next_step": "send"}),
        (FailedFilter(error_class="WorkerDiedError"), {"error": {"class": "WorkerDiedError"}}),
        (FailedFilter(older_than=HOUR), {"finished_at": NOW - HOUR}),
    ],
    ids=["step", "error_class", "older_than"],
)
def test_a_filter_narrows_to_what_is_so(session, wanted, is_so):
    other = add_failed(session, finished_at=NOW - HOUR + TICK)
    meant = add_failed(session, **is_so)
    add_ticket(session, **{"status": "cancelled", **is_so})

    assert list_failed_ids(session, wanted) == [meant.id]
    assert list_failed(session, wanted) == [meant]
    assert set(list_failed_ids(session, FailedFilter())) == {other.id, meant.id}


def test_exactly_the_named_ones_are_meant_if_they_failed(session):
    failed, other, alive = add_failed(session), add_failed(session), add_ticket(session)

    assert list_failed_ids(session, FailedFilter(ids=[failed.id, alive.id])) == [failed.id]
    assert other.id not in list_failed_ids(session, FailedFilter(ids=[failed.id]))


def test_the_first_to_fail_come_first_and_those_of_one_instant_by_id(session):
    second, third = add_failed(session), add_failed(session)
    first = add_failed(session, finished_at=NOW - SECOND)

    assert list_failed_ids(session, FailedFilter()) == [first.id, second.id, third.id]
    assert list_failed(session, FailedFilter(), limit=2) == [first, second]


def test_what_is_still_failed_and_nobody_s_is_locked_in_order(engine, session):
    failed = [add_failed(session).id for _ in range(2)]
    alive, other = add_ticket(session).id, add_failed(session)

    assert [ticket.id for ticket in lock_failed(session, [alive, failed[1], failed[0]])] == failed
    assert other.id not in failed


def test_what_somebody_is_busy_with_is_left_to_them(sessions):
    with sessions.begin() as mine:
        ticket_id = add_failed(mine).id
    with sessions.begin() as theirs, sessions.begin() as mine:
        assert len(lock_failed(theirs, [ticket_id])) == 1

        assert lock_failed(mine, [ticket_id]) == []
