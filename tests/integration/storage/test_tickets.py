from dataclasses import replace

import pytest
from sqlalchemy import select, update

from tests.integration.storage.rows import HOUR, NOW, TICK, add_ticket, reread
from ticketflow.errors import ConflictError, NotFoundError, VersionConflictError
from ticketflow.storage.ids import new_id
from ticketflow.storage.models import Ticket, TicketSearch
from ticketflow.storage.operations import lock_ticket, requeue_ticket, stop_ticket
from ticketflow.storage.tickets import NewTicket, TicketFilter, build_request, get_ticket, page_tickets, record_ticket
from ticketflow.workflow.state import PRIORITIES
from ticketflow.workflow.transitions import Status

LEASED = {"status": "processing", "lease_until": NOW + HOUR, "is_in_flight": True}
COUNTED = {"attempt": 2, "deaths": 1, "dispatches": 3, "generation": 5, "version": 8}


def page(session, limit=10, **wanted) -> list[Ticket]:
    return list(page_tickets(session, "default", TicketFilter(**wanted), limit))


def test_a_new_ticket_is_due_now_at_its_first_step(session):
    new = NewTicket("Hello", "Anybody?", "a@b.example", "Ada", "web", external_id="T-1", metadata={"a": 1})

    ticket = reread(session, record_ticket(session, "other", new, "read", 3))

    now = session.scalar(select(NOW))
    assert (ticket.tenant, ticket.status, ticket.next_step, ticket.graph_version) == ("other", "queued", "read", 3)
    assert (ticket.customer_email, ticket.customer_name, ticket.channel) == ("a@b.example", "Ada", "web")
    assert (ticket.external_id, ticket.ticket_metadata) == ("T-1", {"a": 1})
    assert (ticket.wake_at, ticket.not_before, PRIORITIES[ticket.priority]) == (now, None, "normal")
    parts = [{"kind": "own", "start": 0, "end": 8}]
    assert ticket.state == {"requested_priority": None, "timezone": "UTC", "masked": [], "parts": parts}
    assert ticket.request_id


def test_a_ticket_for_later_is_due_then(session):
    then = session.scalar(select(NOW + HOUR))

    ticket = reread(session, record_ticket(session, "default", NewTicket("a", "b", not_before=then), "read"))

    assert (ticket.wake_at, ticket.not_before) == (then, then)


@pytest.mark.parametrize("priority", PRIORITIES)
def test_a_wanted_priority_counts(session, priority):
    ticket = record_ticket(session, "default", NewTicket("a", "b", priority=priority), "read")

    assert PRIORITIES[ticket.priority] == ticket.state["requested_priority"] == priority


def test_the_same_words_of_the_same_sender_within_a_day_repeat_each_other(session):
    said = NewTicket("Parcel", "Where is it?", "ada@b.example")
    first = record_ticket(session, "default", said, "read")
    others = [
        record_ticket(session, "other", said, "read"),
        record_ticket(session, "default", replace(said, body="Where?"), "read"),
        record_ticket(session, "default", replace(said, customer_email="bo@b.example"), "read"),
        record_ticket(session, "default", replace(said, customer_email=None), "read"),
    ]

    assert record_ticket(session, "default", said, "read").state["repeats"] == str(first.id)
    assert not any("repeats" in each.state for each in [first, *others])


@pytest.mark.parametrize("changes", [{"created_at": NOW - 25 * HOUR}, {"status": "failed", "wake_at": None}])
def test_what_is_long_ago_or_lost_is_not_repeated(session, changes):
    said = NewTicket("Parcel", "Where is it?", "ada@b.example")
    first = record_ticket(session, "default", said, "read")
    session.execute(update(Ticket).where(Ticket.id == first.id).values(**changes))

    assert "repeats" not in record_ticket(session, "default", said, "read").state


def test_words_of_subject_and_body_are_found_in_the_tenant_s_tickets(session):
    first = record_ticket(session, "default", NewTicket("Parcel lost", "It was blue."), "read")
    second = record_ticket(session, "default", NewTicket("Lost", "My parcel."), "read")
    record_ticket(session, "other", NewTicket("Parcel lost", "It was blue."), "read")

    assert page(session, query="parcel LOST") == [second, first]
    assert page(session, query="lost blue") == [first]
    assert page(session, query="red") == []
    assert set(session.scalars(select(TicketSearch.tenant))) == {"default", "other"}


@pytest.mark.parametrize("query", ["x" * 254, "x" * 255, "x" * 256, "x" * 600, "hidden", "<!-- hidden --> seen"])
def test_words_of_any_length_and_of_comments_are_found(session, query):
    ticket = record_ticket(session, "default", NewTicket("Log", f"{query} <!-- hidden --> seen"), "read")
    record_ticket(session, "default", NewTicket("Log", "y" * 600), "read")

    assert page(session, query=query) == [ticket]


def test_a_ticket_is_read_by_its_tenant(session):
    ticket = add_ticket(session, tenant="other")

    assert get_ticket(session, "other", ticket.id) is ticket
    for tenant, ticket_id in (("default", ticket.id), ("other", new_id())):
        with pytest.raises(NotFoundError):
            get_ticket(session, tenant, ticket_id)


def test_tickets_are_paged_newest_first(session):
    first, second, third = (add_ticket(session) for _ in range(3))
    add_ticket(session, tenant="other")

    assert page(session) == [third, second, first]
    assert page(session, limit=2) == [third, second]
    assert page(session, before_id=third.id) == [second, first]


@pytest.mark.parametrize(
    ("wanted", "is_so"),
    [
        ({"status": "failed"}, {"status": "failed"}),
        ({"category": "billing"}, {"state": {"category": "billing"}}),
        ({"team": "Billing"}, {"state": {"team": "Billing"}}),
        ({"priority": "low"}, {"priority": 0}),
        ({"priority": "urgent"}, {"priority": 3}),
        ({"channel": "web"}, {"channel": "web"}),
        ({"customer_email": "a@b.example"}, {"customer_email": "a@b.example"}),
        ({"external_id": "T-1"}, {"external_id": "T-1"}),
    ],
)
def test_a_filter_narrows_to_what_is_so(session, wanted, is_so):
    other = add_ticket(session)
    meant = add_ticket(session, **is_so)

    assert page(session, **wanted) == [meant]
    assert page(session) == [meant, other]


def test_created_after_includes_its_instant_and_created_before_does_not(session):
    before, at = add_ticket(session, created_at=NOW - HOUR - TICK), add_ticket(session, created_at=NOW - HOUR)

    assert page(session, created_after=at.created_at) == [at]
    assert page(session, created_before=at.created_at) == [before]


def test_what_the_graph_starts_from_is_what_arrived(session):
    ticket = add_ticket(
        session,
        tenant="other",
        customer_name="Ada",
        customer_email="a@b.example",
        channel="web",
        state={"requested_priority": "low", "timezone": "Europe/Berlin", "masked": [{"type": "iban"}], "category": "x"},
    )

    assert build_request(ticket) == {
        "ticket_id": str(ticket.id),
        "tenant": "other",
        "subject": "Hello",
        "body": "Anybody?",
        "customer_name": "Ada",
        "customer_email": "a@b.example",
        "channel": "web",
        "received_at": ticket.created_at.isoformat(),
        "requested_priority": "low",
        "timezone": "Europe/Berlin",
        "masked": [{"type": "iban"}],
    }


def test_a_ticket_is_locked_by_its_tenant_at_the_version_that_was_seen(session):
    ticket = add_ticket(session, tenant="other", version=3)

    assert lock_ticket(session, "other", ticket.id) is ticket
    assert lock_ticket(session, None, ticket.id, 3) is ticket
    with pytest.raises(NotFoundError):
        lock_ticket(session, "default", ticket.id)
    for seen in (2, 4):
        with pytest.raises(VersionConflictError, match="version 3"):
            lock_ticket(session, "other", ticket.id, seen)


def test_who_locks_a_ticket_keeps_steps_from_committing(engine, session):
    # FOR UPDATE shows in the row's own lock: another session that does not wait gets nothing.
    ticket = add_ticket(session)
    lock_ticket(session, None, ticket.id)
    locked = "SELECT count(*) FROM pg_locks WHERE relation = 'tickets'::regclass AND mode = 'RowShareLock'"

    assert session.connection().exec_driver_sql(locked).scalar() > 0


def test_a_stopped_ticket_is_let_go_and_sleeps(session):
    ticket = add_ticket(session, lease_token=new_id(), updated_at=NOW - HOUR, **LEASED | COUNTED)

    stop_ticket(ticket, Status.CANCELLED)
    session.flush()

    now = session.scalar(select(NOW))
    ended = reread(session, ticket)
    assert (ended.status, ended.wake_at, ended.finished_at, ended.updated_at) == ("cancelled", None, now, now)
    assert_let_go(ended)


def test_a_requeued_ticket_is_due_at_its_step_as_if_never_tried(session):
    ticket = add_ticket(session, status="failed", error={"class": "X"}, **COUNTED)

    requeue_ticket(ticket, "send", {"a": 1}, 4)
    session.flush()

    queued = reread(session, ticket)
    assert (queued.status, queued.next_step, queued.graph_version, queued.state) == ("queued", "send", 4, {"a": 1})
    assert (queued.wake_at, queued.finished_at, queued.error) == (session.scalar(select(NOW)), None, None)
    assert_let_go(queued)


def test_a_requeued_ticket_keeps_what_is_not_named(session):
    ticket = add_ticket(session, state={"a": 1}, graph_version=4, lease_token=new_id(), **LEASED | COUNTED)

    requeue_ticket(ticket, "read")
    session.flush()

    queued = reread(session, ticket)
    assert (queued.status, queued.state, queued.graph_version) == ("queued", {"a": 1}, 4)
    assert_let_go(queued)


@pytest.mark.parametrize(
    ("status", "becomes", "words"),
    [
        ("cancelled", Status.QUEUED, "cancelled for good; it cannot become queued"),
        ("completed", Status.CANCELLED, "is completed; it cannot become cancelled"),
    ],
)
def test_a_move_that_is_none_is_refused(session, status, becomes, words):
    ticket = add_ticket(session, status=status)

    with pytest.raises(ConflictError, match=words):
        requeue_ticket(ticket, "read") if becomes is Status.QUEUED else stop_ticket(ticket, becomes)

    assert (ticket.status, ticket.generation) == (status, 0)


def assert_let_go(ticket: Ticket) -> None:
    """Every message and lease there was is worth nothing, and nothing is counted any more."""
    assert (ticket.generation, ticket.version) == (6, 9)
    assert (ticket.lease_token, ticket.lease_until, ticket.is_in_flight) == (None, None, False)
    assert (ticket.attempt, ticket.deaths, ticket.dispatches) == (0, 0, 0)
