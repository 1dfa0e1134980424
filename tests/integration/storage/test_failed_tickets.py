import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.integration.storage.rows import HOUR, NOW, SECOND, TICK, add_event, add_ticket
from ticketflow.storage.failed_tickets import (
    DeadLetter,
    FailedFilter,
    list_failed,
    list_failed_ids,
    lock_failed,
    record_dead_letter,
)
from ticketflow.storage.ids import new_id
from ticketflow.storage.models import TicketEvent


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


LETTER = {"generation": 2, "step": "read", "reason": "rejected", "queue": "steps.read"}
NEWS = {"type": "message.dead_lettered", "detail": {"reason": "rejected", "queue": "steps.read"}}


def letter_for(ticket, **changes) -> DeadLetter:
    return DeadLetter(ticket_id=ticket.id, **LETTER | changes)


def list_letters(session: Session, ticket) -> list[TicketEvent]:
    query = select(TicketEvent).where(TicketEvent.ticket_id == ticket.id, TicketEvent.type == NEWS["type"])
    return list(session.scalars(query.order_by(TicketEvent.id)))


def test_a_letter_is_written_on_its_ticket_s_trail_once(session):
    ticket, other = add_ticket(session, tenant="other"), add_ticket(session)

    told = record_dead_letter(session, letter_for(ticket)), record_dead_letter(session, letter_for(ticket))

    assert told == (True, False)
    (line,) = list_letters(session, ticket)
    assert (line.tenant, line.step, line.generation, line.detail) == ("other", "read", 2, NEWS["detail"])
    assert list_letters(session, other) == []


@pytest.mark.parametrize(
    "changes", [{"generation": 3}, {"step": "send"}, {"reason": "expired"}, {"queue": "steps.send"}], ids=list
)
def test_another_letter_is_news(session, changes):
    ticket = add_ticket(session)
    record_dead_letter(session, letter_for(ticket))

    assert record_dead_letter(session, letter_for(ticket, **changes))


def test_the_letter_of_another_ticket_is_news(session):
    first, second = add_ticket(session), add_ticket(session)

    assert [record_dead_letter(session, letter_for(each)) for each in (first, second)] == [True, True]


@pytest.mark.parametrize(
    ("event", "generation", "reason", "is_news"),
    [
        ("ticket.failed", 2, "rejected", False),
        ("ticket.failed", 2, "expired", True),
        ("ticket.failed", 1, "rejected", True),
        ("step.failed", 2, "rejected", True),
    ],
)
def test_the_message_a_ticket_failed_with_is_no_news(session, event, generation, reason, is_news):
    ticket = add_ticket(session)
    add_event(session, ticket, event, generation=generation)

    assert record_dead_letter(session, letter_for(ticket, reason=reason)) is is_news


def test_a_letter_for_nobody_is_no_news(session):
    assert not record_dead_letter(session, DeadLetter(ticket_id=new_id(), **LETTER))
