from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from tests.integration.storage.rows import DAY, HOUR, NOW, TICK, add, add_event, add_step, add_ticket, reread
from ticketflow.storage.corrections import Change, record_correction
from ticketflow.storage.ids import first_id_at, new_id
from ticketflow.storage.models import IdempotencyKey, LlmAnswer, Ticket, TicketEvent, TicketStep
from ticketflow.storage.resolved_tickets import record_resolution
from ticketflow.storage.retention import (
    CLOCKS_DIFFER,
    count_answers,
    count_ended,
    count_keys,
    delete_answers,
    delete_ended,
    delete_keys,
)

FIRST = UUID(int=0)


@pytest.fixture
def before(session):
    """Return an instant; what ended a tick earlier is old."""
    return session.scalar(select(NOW - HOUR))


def add_old(session, **values) -> Ticket:
    return add_ticket(session, **{"status": "completed", "finished_at": NOW - HOUR - TICK, **values})


def delete(session, before, after=FIRST, limit=10, *, with_learned=False) -> list[UUID]:
    counted = count_ended(session, before, with_learned=with_learned)
    deleted = list(delete_ended(session, before, after, limit, with_learned=with_learned))
    assert limit < 10 or after != FIRST or counted == len(deleted)
    return deleted


@pytest.mark.parametrize(
    ("values", "is_old"),
    [
        ({}, True),
        ({"status": "cancelled"}, True),
        ({"status": "failed"}, False),
        ({"status": "queued", "wake_at": NOW}, False),
        ({"status": "processing", "wake_at": NOW}, False),
        ({"status": "awaiting_approval", "wake_at": NOW}, False),
        ({"finished_at": NOW - HOUR}, False),
        ({"finished_at": NOW}, False),
    ],
)
def test_what_ended_well_before_an_instant_is_deleted(session, before, values, is_old):
    ticket = add_old(session, **values)

    assert delete(session, before) == ([ticket.id] if is_old else [])
    assert (session.scalar(select(func.count()).select_from(Ticket)) == 0) is is_old


def test_clocks_of_api_hosts_may_be_a_day_ahead_and_no_more(session, before):
    ahead = first_id_at(before + CLOCKS_DIFFER)
    within, beyond = add_old(session, id=UUID(int=ahead.int - 1)), add_old(session, id=ahead)

    assert delete(session, before) == [within.id]
    assert reread(session, beyond).status == "completed"


def test_the_oldest_go_first_after_where_the_walk_stands(session, before):
    first, second, third = (add_old(session).id for _ in range(3))

    assert delete(session, before, limit=1) == [first]
    assert delete(session, before, after=second) == [third]
    assert delete(session, before) == [second]


@pytest.mark.parametrize("teach", ["correct", "approve"])
def test_what_the_engine_learned_from_stays_unless_asked_for(session, before, teach):
    taught, other = add_old(session), add_old(session)
    if teach == "correct":
        record_correction(session, taught, Change("category", "a", "b"), None, None)
    else:
        record_resolution(session, "default", taught.id, "How?", "So.")

    assert delete(session, before) == [other.id]
    assert delete(session, before, with_learned=True) == [taught.id]


def test_what_hangs_on_a_ticket_goes_with_it_and_nothing_else(session, before):
    old, young = add_old(session), add_ticket(session)
    fork = add_ticket(session, forked_from=old.id)
    fork_of_young = add_ticket(session, forked_from=young.id)
    for each in (old, young):
        add_event(session, each, "ticket.received")
        add_step(session, each, "read")

    delete(session, before)

    assert set(session.scalars(select(Ticket.id))) == {young.id, fork.id, fork_of_young.id}
    assert set(session.scalars(select(TicketEvent.ticket_id))) == {young.id}
    assert set(session.scalars(select(TicketStep.ticket_id))) == {young.id}
    assert (reread(session, fork).forked_from, reread(session, fork_of_young).forked_from) == (None, young.id)


def test_leave_to_delete_from_the_trail_ends_with_the_transaction(sessions):
    with sessions.begin() as session:
        add_old(session)
        delete(session, session.scalar(select(NOW - HOUR)))
    with sessions() as session:
        assert session.scalar(text("SELECT coalesce(current_setting('ticketflow.erasing', true), '')")) == ""


def add_key(session, number: int, age: timedelta) -> None:
    add(session, IdempotencyKey, tenant="t", caller="c", key=f"{number}", request_sha256=b"", created_at=NOW - age)


def add_answer(session, number: int, age: timedelta) -> None:
    counted = {"input_tokens": 1, "output_tokens": 1, "cost_usd": 0}
    values = {"model": "m", "prompt_version": "v", "answer": {}, **counted}
    add(session, LlmAnswer, key=f"{number}", created_at=NOW - age, **values)


@pytest.mark.parametrize(
    ("make", "model", "count", "delete_old"),
    [(add_key, IdempotencyKey, count_keys, delete_keys), (add_answer, LlmAnswer, count_answers, delete_answers)],
    ids=["keys", "answers"],
)
def test_keys_and_answers_from_before_an_instant_go_so_many_at_a_time(session, before, make, model, count, delete_old):
    for number, age in enumerate([DAY, 2 * DAY, HOUR + TICK, HOUR, timedelta(0)]):
        make(session, number, age)

    assert count(session, before) == 3
    assert [delete_old(session, before, 2), delete_old(session, before, 2)] == [2, 1]
    assert set(session.scalars(select(model.key))) == {"3", "4"}


def test_ids_sort_by_the_instant_they_were_made_at(session):
    now = session.scalar(select(func.clock_timestamp()))

    assert first_id_at(now - HOUR) < new_id() < first_id_at(now + HOUR)
