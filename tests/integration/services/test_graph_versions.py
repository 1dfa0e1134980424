"""Two releases with different graphs at work on one database: tickets end as the rules say."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import RetryPolicy
from sqlalchemy import func, select, update

from tests.publishers import FakePublisher
from tests.toy import NO_TOOLS, ToyState
from ticketflow.errors import ConflictError, TransientError
from ticketflow.services.dispatch_due import DispatchLimits, dispatch_due
from ticketflow.services.queue_wait import QueueWait
from ticketflow.services.rewind_ticket import rewind_ticket
from ticketflow.services.run_step import StepRunner
from ticketflow.services.submit_ticket import submit_ticket
from ticketflow.storage.leases import Claim, claim_step
from ticketflow.storage.models import Ticket, TicketEvent, TicketStep
from ticketflow.storage.tickets import NewTicket
from ticketflow.workflow.graph import Node
from ticketflow.workflow.lineage import GraphVersion, Lineage
from ticketflow.workflow.outcomes import Committed, StepOutcome, Unchanged
from ticketflow.workflow.plan import Plan
from ticketflow.workflow.ports import Tools

AN_HOUR = timedelta(hours=1)
OLD = GraphVersion(("read", "check", "send"))
NEW = {
    "gained a step": GraphVersion(("read", "weigh", "check", "send"), {"check": "weigh"}),
    "gained a step that tickets under way do without": GraphVersion(("read", "weigh", "check", "send")),
    "lost a step": GraphVersion(("read", "send"), {"check": "send"}),
    "renamed a step": GraphVersion(("read", "judge", "send"), {"check": "judge"}),
}
GOES_ON = {
    "gained a step": ["read", "weigh", "check", "send"],
    "gained a step that tickets under way do without": ["read", "check", "send"],
    "lost a step": ["read", "send"],
    "renamed a step": ["read", "judge", "send"],
}


class Release:
    """A version of the program: its graph, its dispatcher, its worker."""

    def __init__(self, sessions, *versions: GraphVersion) -> None:
        self.sessions = sessions
        self.plan = Plan(build_line(versions[-1].steps), Lineage(*versions))
        self.publisher = FakePublisher(self.plan.lineage)
        self.runner = StepRunner(sessions, self.plan, NO_TOOLS, QueueWait(AN_HOUR))

    def submit(self) -> UUID:
        new, version = NewTicket("Hello", "Is anybody there?"), self.plan.lineage.version
        return submit_ticket(self.sessions, "default", new, self.plan.order[0], graph_version=version).ticket_id

    def dispatch(self, **limits) -> None:
        dispatch_due(self.sessions, self.publisher, DispatchLimits(100, AN_HOUR, **limits))

    def take(self, ticket_id: UUID, generation: int, step: str) -> StepOutcome:
        return self.runner.run(Claim(ticket_id, step, generation))

    def finish(self, ticket_id: UUID) -> None:
        """Run what the last dispatch sent to its end."""
        (sent,) = [each for each in self.publisher.sent if each.ticket_id == ticket_id][-1:]
        for step in self.plan.lineage.remaining(sent.next_step):
            assert isinstance(self.take(ticket_id, sent.generation, step), Committed)


def build_line(steps: Sequence[str]) -> Any:
    """Build a graph that goes through steps which add nothing but themselves."""
    graph = StateGraph(ToyState, context_schema=Tools)
    retry = RetryPolicy(max_attempts=3, retry_on=TransientError)
    for before, step in zip([START, *steps[:-1]], steps, strict=True):
        graph.add_node(step, Node(lambda _state, _tools: {}), retry_policy=retry, metadata={"time_limit_s": 5})
        graph.add_edge(before, step)
    graph.add_edge(steps[-1], END)
    return graph.compile()


@pytest.fixture
def old(sessions):
    return Release(sessions, OLD)


@pytest.fixture(params=NEW)
def change(request):
    return request.param


@pytest.fixture
def new(sessions, change):
    return Release(sessions, OLD, NEW[change])


@pytest.fixture
def renamed(sessions):
    return Release(sessions, OLD, NEW["renamed a step"])


@pytest.fixture
def under_way(old):
    """Give a ticket whose first step the old release has done; its message for the next one is out."""
    ticket_id = old.submit()
    old.dispatch()
    old.take(ticket_id, 1, "read")
    return ticket_id


def make_due(sessions) -> None:
    """Let the clock of every live ticket ring."""
    with sessions.begin() as session:
        session.execute(
            update(Ticket).where(Ticket.wake_at.is_not(None)).values(wake_at=func.now(), lease_until=func.now())
        )


def fail_nearly_for_good(sessions) -> None:
    """Let the last attempt there is of a step end without a word."""
    with sessions.begin() as session:
        values = {"attempt": 3, "deaths": 2, "error": {"class": "WorkerDiedError"}}
        session.execute(update(Ticket).values(wake_at=func.now(), lease_until=None, is_in_flight=False, **values))


def read(sessions, ticket_id) -> Ticket:
    with sessions() as session:
        return session.get_one(Ticket, ticket_id)


def list_done(sessions, ticket_id) -> list[str]:
    with sessions() as session:
        query = select(TicketStep.step).where(TicketStep.ticket_id == ticket_id, TicketStep.superseded_at.is_(None))
        return list(session.scalars(query.order_by(TicketStep.ticket_version)))


def test_a_ticket_ends_with_the_release_it_began_with_while_that_one_works(sessions, old, new, under_way):
    new.dispatch()

    assert [old.take(under_way, 1, step) for step in ("check", "send")][-1] == Committed(None, is_chain_valid=False)
    assert (list_done(sessions, under_way), read(sessions, under_way).graph_version) == (["read", "check", "send"], 1)


def test_a_ticket_that_the_new_release_takes_over_goes_on_as_the_rule_says(sessions, change, new, under_way):
    if "check" in new.plan.order:
        assert new.take(under_way, 1, "check") == Unchanged.OTHER_GRAPH
    make_due(sessions)

    new.dispatch()
    new.finish(under_way)

    ticket = read(sessions, under_way)
    assert (ticket.status, ticket.graph_version, list_done(sessions, under_way)) == ("completed", 2, GOES_ON[change])
    with sessions() as session:
        (event,) = session.scalars(select(TicketEvent).where(TicketEvent.type == "ticket.graph_changed"))
    assert event.detail == {"from_version": 1, "to_version": 2, "from_step": "check"}


def test_a_ticket_moved_on_its_last_attempt_has_all_of_them_at_the_step_it_goes_to(sessions, renamed, under_way):
    fail_nearly_for_good(sessions)

    renamed.dispatch()

    ticket = read(sessions, under_way)
    assert (ticket.next_step, ticket.attempt, ticket.deaths, ticket.error) == ("judge", 0, 0, None)
    renamed.finish(under_way)
    assert list_done(sessions, under_way) == GOES_ON["renamed a step"]


def test_a_ticket_that_changes_over_without_a_move_keeps_the_count_of_its_step(sessions, under_way):
    fail_nearly_for_good(sessions)

    Release(sessions, OLD, GraphVersion(("read", "weigh", "check", "send"))).dispatch()

    ticket = read(sessions, under_way)
    assert (ticket.graph_version, ticket.attempt, ticket.deaths) == (2, 3, 2)


def test_the_old_release_leaves_a_ticket_of_the_new_one_to_it(sessions, old, new):
    ticket_id = new.submit()

    old.dispatch()
    assert old.publisher.sent == []
    new.dispatch()
    assert old.take(ticket_id, 1, "read") == Unchanged.OTHER_GRAPH
    make_due(sessions)
    old.dispatch()
    assert old.publisher.sent == []

    new.dispatch()
    new.finish(ticket_id)
    assert (list_done(sessions, ticket_id), read(sessions, ticket_id).attempt) == (list(new.plan.order), 0)


def test_a_ticket_that_was_passed_on_is_due_again_soon_and_its_message_is_worth_nothing(sessions, old, renamed):
    ticket_id = renamed.submit()
    renamed.dispatch()

    old.take(ticket_id, 1, "read")

    ticket = read(sessions, ticket_id)
    assert (ticket.generation, ticket.dispatches, ticket.is_in_flight, ticket.lease_token) == (2, 0, False, None)
    assert (ticket.wake_at - ticket.updated_at).total_seconds() <= 1
    assert renamed.take(ticket_id, 1, "read") == Unchanged.SUPERSEDED


def test_a_release_that_goes_finishes_what_is_on_its_graph_and_takes_nothing_along(sessions, old, renamed):
    stays, goes = old.submit(), renamed.submit()

    renamed.dispatch(changes_over=False)
    renamed.finish(goes)

    assert (read(sessions, goes).status, read(sessions, stays).generation) == ("completed", 0)
    old.dispatch()
    old.finish(stays)
    assert list_done(sessions, stays) == list(OLD.steps)


def test_nobody_takes_a_ticket_of_another_graph_from_its_holder(sessions, old, renamed):
    ticket_id = renamed.submit()
    renamed.dispatch()
    with sessions.begin() as session:
        lease = claim_step(session, Claim(ticket_id, "read", 1), AN_HOUR, 3, graph_version=2)

    assert old.runner.run(Claim(ticket_id, "read", 1, is_redelivered=True)) == Unchanged.BUSY
    assert read(sessions, ticket_id).lease_token == lease.token


def test_a_ticket_waiting_for_a_person_changes_over_when_it_goes_on(sessions, old, renamed, under_way):
    with sessions.begin() as session:
        session.execute(update(Ticket).values(status="awaiting_approval", wake_at=func.now() + AN_HOUR))
    renamed.dispatch()
    assert read(sessions, under_way).graph_version == 1
    with sessions.begin() as session:
        session.execute(update(Ticket).values(status="queued", wake_at=func.now(), lease_until=None))

    renamed.dispatch()
    renamed.finish(under_way)

    assert list_done(sessions, under_way) == ["read", "judge", "send"]


@pytest.mark.parametrize("done", [0, 1], ids=["not begun", "begun"])
def test_after_a_rollback_a_person_brings_a_ticket_back(sessions, renamed, done):
    """The product's own graph is the old release here: a ticket of the version after it was left behind."""
    ticket_id = renamed.submit()
    renamed.dispatch()
    for step in renamed.plan.order[:done]:
        renamed.take(ticket_id, 1, step)

    with pytest.raises(ConflictError):
        rewind_ticket(sessions, "default", ticket_id, "draft")
    rewind_ticket(sessions, "default", ticket_id, "classify")

    ticket = read(sessions, ticket_id)
    assert (ticket.graph_version, ticket.next_step, ticket.status) == (1, "classify", "queued")
    assert list_done(sessions, ticket_id) == []
