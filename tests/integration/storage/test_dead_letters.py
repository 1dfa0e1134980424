import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.integration.storage.rows import HOUR, NOW, SECOND, TICK, add_event, add_ticket
from ticketflow.storage.dead_letters import (
    DeadFilter,
    DeadLetter,
    list_dead,
    list_dead_ids,
    lock_dead,
    record_dead_letter,
)
from ticketflow.storage.ids import new_id
from ticketflow.storage.models import TicketEvent


def add_dead(session, **values):
    return add_ticket(session, **{"status": "failed", "error": {"class": "BadModelOutputError"}, **values})


@pytest.mark.parametrize(
    ("wanted", "is_so"),
    [
        (DeadFilter(step="send"), {"next_step": "send"}),
        (DeadFilter(error_class="WorkerDiedError"), {"error": {"class": "WorkerDiedError"}}),
        (DeadFilter(older_than=HOUR), {"finished_at": NOW - HOUR}),
    ],
    ids=["step", "error_class", "older_than"],
)
def test_a_filter_narrows_to_what_is_so(session, wanted, is_so):
    other = add_dead(session, finished_at=NOW - HOUR + TICK)
    meant = add_dead(session, **is_so)
    add_ticket(session, **{"status": "cancelled", **is_so})

    assert list_dead_ids(session, wanted) == [meant.id]
    assert list_dead(session, wanted) == [meant]
    assert set(list_dead_ids(session, DeadFilter())) == {other.id, meant.id}


def test_exactly_the_named_ones_are_meant_if_they_are_dead(session):
    dead, other, alive = add_dead(session), add_dead(session), add_ticket(session)

    assert list_dead_ids(session, DeadFilter(ids=[dead.id, alive.id])) == [dead.id]
    assert other.id not in list_dead_ids(session, DeadFilter(ids=[dead.id]))


def test_the_longest_dead_come_first_and_those_of_one_instant_by_id(session):
    second, third = add_dead(session), add_dead(session)
    first = add_dead(session, finished_at=NOW - SECOND)

    assert list_dead_ids(session, DeadFilter()) == [first.id, second.id, third.id]
    assert list_dead(session, DeadFilter(), limit=2) == [first, second]


def test_what_is_still_dead_and_nobody_s_is_locked_in_order(engine, session):
    dead = [add_dead(session).id for _ in range(2)]
    alive, other = add_ticket(session).id, add_dead(session)

    assert [ticket.id for ticket in lock_dead(session, [alive, dead[1], dead[0]])] == dead
    assert other.id not in dead


def test_what_somebody_is_busy_with_is_left_to_them(sessions):
    with sessions.begin() as mine:
        ticket_id = add_dead(mine).id
    with sessions.begin() as theirs, sessions.begin() as mine:
        assert len(lock_dead(theirs, [ticket_id])) == 1

        assert lock_dead(mine, [ticket_id]) == []


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
def test_the_message_a_ticket_was_parked_with_is_no_news(session, event, generation, reason, is_news):
    ticket = add_ticket(session)
    add_event(session, ticket, event, generation=generation)

    assert record_dead_letter(session, letter_for(ticket, reason=reason)) is is_news


def test_a_letter_for_nobody_is_no_news(session):
    assert not record_dead_letter(session, DeadLetter(ticket_id=new_id(), **LETTER))
