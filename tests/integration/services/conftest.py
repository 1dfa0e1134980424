from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from tests.toy import NO_TOOLS, TOY_LINEAGE, toy_plan
from ticketflow.services.queue_wait import QueueWait
from ticketflow.services.run_step import StepRunner
from ticketflow.services.submit_ticket import submit_ticket
from ticketflow.storage.due import Dispatch, claim_due
from ticketflow.storage.leases import Claim
from ticketflow.storage.tickets import NewTicket
from ticketflow.workflow.lineage import Lineage
from ticketflow.workflow.state import DEFAULT_TENANT

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
