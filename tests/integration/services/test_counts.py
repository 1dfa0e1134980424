"""What is counted of a ticket's way, each at the one place where it happens."""

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import func, update

from tests.numbers import read
from tests.publishers import FakePublisher
from ticketflow.errors import BrokerUnavailableError, PermanentError, TransientError
from ticketflow.services.dispatch_due import DispatchLimits, dispatch_due
from ticketflow.storage.leases import claim_step
from ticketflow.storage.models import Ticket

LIMITS = DispatchLimits(100, timedelta(hours=1))


class Counted:
    """How far numbers of this process have moved since the test began."""

    def __init__(self) -> None:
        self._before = {}

    def watch(self, name: str, **labels: str) -> None:
        self._before[name, tuple(labels.items())] = read(name, **labels)

    def moves(self) -> list[float]:
        return [read(name, **dict(labels)) - before for (name, labels), before in self._before.items()]


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
def age_all(sessions):
    """Let time pass for all tickets: leases run out and clocks ring."""

    def age(seconds: float) -> None:
        past = timedelta(seconds=seconds)
        with sessions.begin() as session:
            session.execute(update(Ticket).values(created_at=Ticket.created_at - past))
            session.execute(update(Ticket).where(Ticket.wake_at.is_not(None)).values(wake_at=func.now() - past))
            session.execute(update(Ticket).where(Ticket.lease_token.is_not(None)).values(lease_until=func.now()))

    return age


def run_to_the_end(runner, claim) -> None:
    for step in ("read", "check", "send"):
        runner.run(type(claim)(claim.ticket_id, step, claim.generation))


def test_a_ticket_that_ends_is_counted_with_its_whole_age(new_runner, first_claim, age_all, counted):
    counted.watch("ticketflow_tickets_finished_total", outcome="answered")
    counted.watch("ticketflow_ticket_duration_seconds_count", outcome="answered")
    counted.watch("ticketflow_step_duration_seconds_count", step="send")
    counted.watch("ticketflow_queue_wait_seconds_count", step="send")
    counted.watch("ticketflow_steps_total", step="send", outcome="committed")
    age_before = read("ticketflow_ticket_duration_seconds_sum", outcome="answered")
    age_all(3600)

    run_to_the_end(new_runner(), first_claim)

    assert counted.moves() == [1] * 5
    assert 3600 <= read("ticketflow_ticket_duration_seconds_sum", outcome="answered") - age_before < 3660


def test_a_failure_is_counted_by_its_class_and_fails_the_ticket_once(new_runner, first_claim, counted):
    def fail(error: Exception, *_) -> None:
        raise error

    counted.watch("ticketflow_step_failures_total", step="read", error="TransientError")
    counted.watch("ticketflow_steps_total", step="read", outcome="retrying")
    counted.watch("ticketflow_step_failures_total", step="read", error="PermanentError")
    counted.watch("ticketflow_steps_total", step="read", outcome="parked")
    counted.watch("ticketflow_tickets_finished_total", outcome="failed")
    counted.watch("ticketflow_step_duration_seconds_count", step="read")
    counted.watch("ticketflow_queue_wait_seconds_count", step="read")  # the second attempt waited for its backoff

    new_runner(read=partial(fail, TransientError("once more"))).run(first_claim)
    retried = type(first_claim)(first_claim.ticket_id, "read", first_claim.generation + 1)
    new_runner(read=partial(fail, PermanentError("never"))).run(retried)

    assert counted.moves() == [1, 1, 1, 1, 1, 2, 1]


def test_a_message_too_many_is_counted_as_what_it_was(new_runner, first_claim, counted):
    counted.watch("ticketflow_steps_total", step="read", outcome="already_done")
    counted.watch("ticketflow_steps_total", step="read", outcome="superseded")
    runner = new_runner()
    runner.run(first_claim)

    runner.run(first_claim)
    runner.run(type(first_claim)(first_claim.ticket_id, "read", 99))

    assert counted.moves() == [1, 1]


def test_a_chain_that_nobody_claims_is_counted_as_published_again(sessions, submit, age_all, counted):
    counted.watch("ticketflow_chains_published_total", kind="first")
    counted.watch("ticketflow_chains_published_total", kind="again")
    submit()

    dispatch_due(sessions, FakePublisher(), LIMITS)
    age_all(7200)
    dispatch_due(sessions, FakePublisher(), LIMITS)

    assert counted.moves() == [1, 1]


def test_a_broker_that_is_away_is_counted_and_is_no_pass(sessions, submit, counted):
    submit()
    counted.watch("ticketflow_publish_failures_total")
    counted.watch("ticketflow_dispatcher_last_pass_timestamp_seconds")

    with pytest.raises(BrokerUnavailableError):
        dispatch_due(sessions, FakePublisher(is_away=True), LIMITS)

    assert counted.moves() == [1, 0]
    dispatch_due(sessions, FakePublisher(fails_after=0), LIMITS)
    assert counted.moves()[0] == 2
    assert counted.moves()[1] > 0


def test_a_lease_that_runs_out_is_counted(sessions, first_claim, age_all, counted):
    counted.watch("ticketflow_leases_expired_total")
    with sessions.begin() as session:
        claim_step(session, first_claim, timedelta(hours=1), 3)
    age_all(60)

    dispatch_due(sessions, FakePublisher(), LIMITS)

    assert counted.moves() == [1]
