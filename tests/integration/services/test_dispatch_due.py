from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, text, update

from tests.publishers import FakePublisher
from ticketflow.errors import BrokerUnavailableError
from ticketflow.services.dispatch_due import CHAINS_PER_SLOT, FIRST_SLOTS, DispatchLimits, dispatch_due
from ticketflow.services.queue_wait import WAIT_FACTOR
from ticketflow.storage.due import MOST_DISPATCHES, Dispatch, wake_in_flight
from ticketflow.storage.models import Ticket, Worker
from ticketflow.storage.workers import record_worker

AN_HOUR = timedelta(hours=1)


def limits(max_in_flight=100, batch=100, redispatch_after=AN_HOUR) -> DispatchLimits:
    return DispatchLimits(max_in_flight, redispatch_after, batch)


def make_all_due(sessions) -> None:
    with sessions.begin() as session:
        session.execute(
            update(Ticket).where(Ticket.wake_at.is_not(None)).values(wake_at=func.now(), lease_until=func.now())
        )


def make_released_due(sessions) -> None:
    with sessions.begin() as session:
        session.execute(
            update(Ticket).where(Ticket.is_in_flight.is_(False)).values(wake_at=func.now(), lease_until=func.now())
        )


class ChoosyPublisher(FakePublisher):
    """Cannot make a message of one ticket."""

    def __init__(self, broken: UUID) -> None:
        super().__init__()
        self._broken = broken

    def publish(self, dispatched: Dispatch) -> None:
        if dispatched.ticket_id == self._broken:
            raise KeyError(dispatched.next_step)
        super().publish(dispatched)


def test_a_new_ticket_is_published_once(sessions, submit):
    ticket_id, publisher = submit(), FakePublisher()

    first = dispatch_due(sessions, publisher, limits())
    second = dispatch_due(sessions, publisher, limits())

    assert (first.published, second.published) == (1, 0)
    assert [(sent.ticket_id, sent.generation, sent.next_step) for sent in publisher.sent] == [(ticket_id, 1, "read")]


def test_the_most_urgent_goes_first_and_equals_in_order_of_arrival(sessions, submit):
    submitted = {
        name: submit(priority=priority)
        for name, priority in [("a", "low"), ("b", "normal"), ("c", "urgent"), ("d", "high"), ("e", "normal")]
    }
    publisher = FakePublisher()

    for _ in submitted:
        dispatch_due(sessions, publisher, limits(batch=1))

    names = {ticket_id: name for name, ticket_id in submitted.items()}
    assert "".join(names[sent.ticket_id] for sent in publisher.sent) == "cdbea"


def test_the_window_holds_back_what_workers_cannot_take(sessions, submit):
    for _ in range(5):
        submit()

    report = dispatch_due(sessions, FakePublisher(), limits(max_in_flight=3))
    full = dispatch_due(sessions, FakePublisher(), limits(max_in_flight=3))

    assert (report.published, full.published, full.is_full) == (3, 0, True)


@pytest.mark.parametrize(
    ("tickets", "window", "batch", "is_full_and_is_batch_full"),
    [(2, 3, 10, (False, False)), (3, 3, 10, (True, False)), (5, 3, 3, (False, True)), (5, 10, 3, (False, True))],
)
def test_a_pass_says_whether_more_may_be_due(sessions, submit, tickets, window, batch, is_full_and_is_batch_full):
    for _ in range(tickets):
        submit()

    report = dispatch_due(sessions, FakePublisher(), limits(max_in_flight=window, batch=batch))

    assert (report.is_full, report.is_batch_full) == is_full_and_is_batch_full


@pytest.fixture
def add_worker(sessions):
    """Put a worker down as alive, or as last seen some time ago."""

    def add(name="one", slots=1, queue_wait_s=0.0, seen_ago=timedelta(0)):
        with sessions.begin() as session:
            record_worker(session, name, slots, queue_wait_s)
            session.execute(update(Worker).where(Worker.name == name).values(seen_at=Worker.seen_at - seen_ago))

    return add


def count_published(sessions, submit, **options) -> int:
    """Submit more than anybody can take, and dispatch until nothing more goes out."""
    for _ in range(5 * CHAINS_PER_SLOT + 1):
        submit()
    publisher = FakePublisher()
    while dispatch_due(sessions, publisher, limits(**options)).published:
        pass
    return len(publisher.sent)


def test_the_first_worker_finds_work_for_all_its_slots(sessions, submit):
    assert count_published(sessions, submit) == CHAINS_PER_SLOT * FIRST_SLOTS


def test_the_window_is_learned_from_the_workers_that_are_there(sessions, submit, add_worker):
    add_worker("one", slots=2)
    add_worker("two", slots=1)
    add_worker("gone", slots=9, seen_ago=AN_HOUR)

    assert count_published(sessions, submit) == CHAINS_PER_SLOT * 3


def test_however_many_workers_there_are_the_window_has_a_limit(sessions, submit, add_worker):
    add_worker(slots=100)

    assert count_published(sessions, submit, max_in_flight=7) == 7


def test_a_worker_that_is_seen_again_counts_once(sessions, submit, add_worker):
    add_worker("one", slots=3, seen_ago=AN_HOUR)
    add_worker("one", slots=1)

    assert count_published(sessions, submit) == CHAINS_PER_SLOT


def test_the_clock_waits_well_longer_than_messages_do(sessions, submit, add_worker):
    add_worker("one", queue_wait_s=10)
    add_worker("two", queue_wait_s=20)
    submit()

    dispatch_due(sessions, FakePublisher(), limits(redispatch_after=timedelta(seconds=5)))

    with sessions() as session:
        assert round(session.scalar(select(func.extract("epoch", Ticket.wake_at - func.now())))) == 20 * WAIT_FACTOR


def test_a_scheduled_ticket_waits_for_its_time(sessions, submit):
    submit(not_before=_in_an_hour(sessions))

    assert dispatch_due(sessions, FakePublisher(), limits()).published == 0


def test_nothing_is_claimed_while_the_broker_is_away(sessions, submit):
    submit()

    with pytest.raises(BrokerUnavailableError):
        dispatch_due(sessions, FakePublisher(is_away=True), limits())

    with sessions() as session:
        assert session.scalar(select(Ticket.generation)) == 0


def test_what_the_broker_did_not_take_is_due_again_shortly(sessions, submit):
    for _ in range(3):
        submit()

    report = dispatch_due(sessions, FakePublisher(fails_after=1), limits())
    make_all_due(sessions)
    publisher = FakePublisher()
    dispatch_due(sessions, publisher, limits())

    assert (report.published, report.unsent) == (0, 3)
    assert {sent.generation for sent in publisher.sent} == {2}


def test_one_ticket_that_cannot_be_sent_keeps_back_no_other(sessions, submit):
    broken = submit()
    others = {submit() for _ in range(3)}
    publisher = ChoosyPublisher(broken)

    with pytest.raises(KeyError):
        dispatch_due(sessions, publisher, limits())
    make_released_due(sessions)
    dispatch_due(sessions, publisher, limits())

    assert {sent.ticket_id for sent in publisher.sent} == others
    with sessions() as session:
        kept = session.get_one(Ticket, broken)
    assert (kept.is_in_flight, kept.dispatches) == (True, 1)


def test_a_ticket_at_an_unknown_step_is_left_alone(sessions, submit):
    unknown, known = submit(), submit()
    with sessions.begin() as session:
        session.execute(update(Ticket).where(Ticket.id == unknown).values(next_step="polish"))
    publisher = FakePublisher()

    dispatch_due(sessions, publisher, limits(batch=1))

    assert [sent.ticket_id for sent in publisher.sent] == [known]
    with sessions() as session:
        assert session.get_one(Ticket, unknown).generation == 0


def test_a_lost_chain_is_published_again_under_a_new_generation(sessions, submit):
    submit()
    dispatch_due(sessions, FakePublisher(), limits())
    make_all_due(sessions)
    publisher = FakePublisher()

    dispatch_due(sessions, publisher, limits())

    assert [sent.generation for sent in publisher.sent] == [2]


def test_the_wait_for_a_worker_doubles_with_every_publication(sessions, submit):
    submit()
    waits = []
    for _ in range(4):
        dispatch_due(sessions, FakePublisher(), limits(redispatch_after=timedelta(seconds=100)))
        with sessions() as session:
            waits.append(round(session.scalar(select(func.extract("epoch", Ticket.wake_at - func.now()))) / 100))
        make_all_due(sessions)

    assert waits == [1, 2, 4, 8]


def test_what_the_broker_did_not_take_waits_for_a_worker_as_if_it_were_sent_for_the_first_time(sessions, submit):
    submit()
    for _ in range(7):
        dispatch_due(sessions, FakePublisher(fails_after=0), limits(redispatch_after=timedelta(seconds=100)))
        make_all_due(sessions)

    dispatch_due(sessions, FakePublisher(), limits(redispatch_after=timedelta(seconds=100)))

    with sessions() as session:
        assert round(session.scalar(select(func.extract("epoch", Ticket.wake_at - func.now())))) == 100


def test_a_ticket_that_was_sent_more_often_than_can_be_counted_is_sent_once_more(sessions, submit):
    submit()
    with sessions.begin() as session:
        session.execute(update(Ticket).values(dispatches=MOST_DISPATCHES))

    assert dispatch_due(sessions, FakePublisher(), limits()).published == 1


def test_after_a_restart_everything_under_way_is_due_at_once(sessions, submit):
    submit()
    dispatch_due(sessions, FakePublisher(), limits())

    with sessions.begin() as session:
        woken = wake_in_flight(session)
    report = dispatch_due(sessions, FakePublisher(), limits())

    assert (woken, report.published) == (1, 1)


def test_finished_tickets_are_never_visited_to_find_due_ones(sessions, submit):
    submit()
    with sessions.begin() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(
            text("""
                INSERT INTO tickets (id, subject, body, status, state, next_step)
                SELECT gen_random_uuid(), 's', 'b', 'completed', '{}', NULL FROM generate_series(1, 20000)
            """)
        )
    with sessions.begin() as session:
        session.execute(text("ANALYZE tickets"))
        plan = session.execute(
            text("""
                EXPLAIN SELECT id FROM tickets WHERE priority = 1 AND wake_at <= now()
                AND status = ANY(ARRAY['queued', 'processing']) ORDER BY wake_at LIMIT 100 FOR UPDATE SKIP LOCKED
            """)
        ).scalars()
        assert "ix_tickets_due" in "\n".join(plan)


def _in_an_hour(sessions):
    with sessions() as session:
        return session.scalar(select(func.now() + AN_HOUR))
