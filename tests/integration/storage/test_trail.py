"""The trail and the ledger of a ticket."""

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.integration.storage.rows import NOW, add_endpoint, add_event, add_step, add_ticket, reread
from ticketflow.storage.events import DeadLetter, page_events, record_dead_letter, record_event
from ticketflow.storage.ids import new_id
from ticketflow.storage.ledger import copy_steps, list_steps, list_steps_that_count, split_ledger, supersede_steps
from ticketflow.storage.models import TicketEvent
from ticketflow.storage.models.webhooks import WebhookDelivery
from ticketflow.workflow.transitions import Status


def test_an_event_is_the_ticket_s_with_its_generation(session):
    ticket = add_ticket(session, tenant="other", generation=4)

    record_event(session, ticket, "ticket.rewound", "read", {"by": "key"})

    (event,) = page_events(session, ticket.id, 0, 10)
    assert (event.tenant, event.type, event.step, event.generation) == ("other", "ticket.rewound", "read", 4)
    assert event.detail == {"by": "key"}


def test_events_of_one_ticket_are_paged_oldest_first_after_an_id(session):
    ticket, other = add_ticket(session), add_ticket(session)
    ids = [add_event(session, each, "a.b").id for each in (ticket, other, ticket, ticket)]

    def page(after=0, limit=10):
        return [event.id for event in page_events(session, ticket.id, after, limit)]

    assert page() == [ids[0], ids[2], ids[3]]
    assert page(limit=2) == [ids[0], ids[2]]
    assert page(after=ids[0]) == [ids[2], ids[3]]
    assert page(after=ids[3]) == []


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ("ticket.cancelled", ["ticket.cancelled"]),
        ("approval.requested", ["ticket.awaiting_approval"]),
        ("ticket.rewound", []),
    ],
)
def test_webhooks_are_told_of_the_ticket_as_it_is_after_its_move(session, event, told):
    add_endpoint(session)
    ticket = add_ticket(session)
    ticket.status, ticket.wake_at, ticket.finished_at = Status.CANCELLED, None, NOW

    record_event(session, ticket, event)

    deliveries = session.scalars(select(WebhookDelivery)).all()
    assert [each.type for each in deliveries] == told
    assert [each.payload["status"] for each in deliveries] == ["cancelled"] * len(told)
    if told:
        assert [each.event_id for each in deliveries] == [session.scalar(select(func.max(TicketEvent.id)))]


def test_the_ledger_is_listed_in_the_order_steps_finished(session):
    ticket, other = add_ticket(session), add_ticket(session)
    add_step(session, other, "read")
    last = add_step(session, ticket, "check", ticket_version=3)
    first = add_step(session, ticket, "read", ticket_version=1)
    gone = add_step(session, ticket, "send", ticket_version=2, superseded_at=NOW)

    assert list_steps(session, ticket.id) == [first, gone, last]
    assert list_steps_that_count(session, ticket.id) == [first, last]


def test_the_ledger_is_split_before_the_first_run_of_a_step(session):
    ticket = add_ticket(session)
    steps = [
        add_step(session, ticket, step, round=number, ticket_version=version)
        for version, (step, number) in enumerate([("read", 1), ("check", 1), ("read", 2), ("check", 2)], 1)
    ]

    assert split_ledger(steps, "check") == (steps[:1], steps[1:])
    assert split_ledger(steps, "read") == ([], steps)
    assert split_ledger(steps, "send") == (steps, ())


def test_what_finished_at_a_version_or_later_no_longer_counts(session):
    ticket, other = add_ticket(session), add_ticket(session)
    kept, at, later = (
        add_step(session, ticket, step, ticket_version=version) for version, step in enumerate(("a", "b", "c"), 1)
    )
    before = add_step(session, ticket, "d", ticket_version=4, superseded_at=NOW - func.make_interval(0, 0, 0, 1))
    elsewhere = add_step(session, other, "b", ticket_version=2)
    then = before.superseded_at

    supersede_steps(session, ticket.id, 2)

    now = session.scalar(select(NOW))
    steps = (kept, at, later, before, elsewhere)
    assert [reread(session, step).superseded_at for step in steps] == [None, now, now, then, None]


def test_copied_steps_are_numbered_afresh(session):
    ticket, copy = add_ticket(session), add_ticket(session)
    steps = [
        add_step(session, ticket, step, round=number, ticket_version=version, generation=7, output={"n": version})
        for step, number, version in [("read", 2, 5), ("check", 3, 7), ("read", 4, 9)]
    ]

    copy_steps(session, copy.id, steps)

    copied = list_steps(session, copy.id)
    assert [(step.step, step.round, step.ticket_version, step.generation, step.output) for step in copied] == [
        ("read", 1, 1, 0, {"n": 5}),
        ("check", 1, 2, 0, {"n": 7}),
        ("read", 2, 3, 0, {"n": 9}),
    ]
    assert {step.finished_at for step in copied} <= {step.finished_at for step in steps}
    assert len(list_steps(session, ticket.id)) == 3


# -- Dead letters -------------------------------------------------------------------------------


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
