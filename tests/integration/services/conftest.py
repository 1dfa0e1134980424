from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, update

from tests.toy import MAX_ATTEMPTS, NO_TOOLS, TOY_LINEAGE, toy_plan
from ticketflow.services.queue_wait import QueueWait
from ticketflow.services.run_step import StepRunner
from ticketflow.services.submit_ticket import submit_ticket
from ticketflow.storage.due import Dispatch, claim_due, expire_leases
from ticketflow.storage.holders import Process, beat, convict, drop_question
from ticketflow.storage.leases import Claim, Lease, Refusal, claim_step
from ticketflow.storage.models import Ticket
from ticketflow.storage.tickets import NewTicket
from ticketflow.workflow.lineage import Lineage
from ticketflow.workflow.state import DEFAULT_TENANT

A_SECOND = timedelta(seconds=1)
AN_HOUR = timedelta(hours=1)


@pytest.fixture
def new_runner(sessions) -> Callable[..., StepRunner]:
    """Make a runner over the toy graph; arguments go to ``toy_plan``."""

    def make(**options) -> StepRunner:
        return StepRunner(sessions, toy_plan(**options), NO_TOOLS, QueueWait(AN_HOUR))

    return make


@pytest.fixture
def submit(sessions) -> Callable[..., UUID]:
    """Submit a ticket that starts at the toy graph's first step."""

    def make(**fields) -> UUID:
        new = NewTicket(**{"subject": "Hello", "body": "Is anybody there?", **fields})
        return submit_ticket(sessions, DEFAULT_TENANT, new, "read").ticket_id

    return make


@pytest.fixture
def dispatch(sessions) -> Callable[..., list[Dispatch]]:
    """Take every due ticket under its next generation, as the dispatcher does before it publishes."""

    def take(lineage: Lineage = TOY_LINEAGE) -> list[Dispatch]:
        with sessions.begin() as session:
            return claim_due(session, 100, AN_HOUR, lineage)

    return take


@pytest.fixture
def first_claim(submit, dispatch) -> Claim:
    """Return a dispatched ticket's claim for its first step."""
    ticket_id = submit()
    (dispatched,) = dispatch()
    return Claim(ticket_id, "read", dispatched.generation)


@pytest.fixture
def new_process(sessions):
    """Describe a process of another machine whose heart has beaten once."""

    def make() -> Process:
        process = Process(uuid4(), "elsewhere", 1, 1)
        with sessions.begin() as session:
            beat(session, process)
        return process

    return make


@pytest.fixture
def hold(sessions, new_process):
    """Claim as a worker does that then says nothing; returns its process with what it got."""

    def claim_and_be_silent(claim, process=None) -> tuple[Process, Lease | Refusal]:
        process = process or new_process()
        with sessions.begin() as session:
            return process, claim_step(session, claim, AN_HOUR, MAX_ATTEMPTS, holder=process.id)

    return claim_and_be_silent


@pytest.fixture
def let_time_pass(sessions):
    """Let every lease run out and every clock ring."""

    def pass_on() -> None:
        with sessions.begin() as session:
            past = func.now() - A_SECOND
            session.execute(update(Ticket).where(Ticket.wake_at.is_not(None)).values(wake_at=past, lease_until=past))

    return pass_on


@pytest.fixture
def expire(sessions):
    def end_leases() -> int:
        with sessions.begin() as session:
            return expire_leases(session, 10)

    return end_leases


@pytest.fixture
def settle(sessions):
    """Say what became of a process."""

    def decide(process: Process, *, is_dead: bool) -> None:
        with sessions.begin() as session:
            if is_dead:
                convict(session, process.id)
            else:
                drop_question(session, process.id)

    return decide


@pytest.fixture
def fate(let_time_pass, expire, settle):
    """All that can happen to leases and processes."""
    return SimpleNamespace(let_time_pass=let_time_pass, expire=expire, settle=settle)
