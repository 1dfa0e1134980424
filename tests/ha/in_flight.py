"""Tickets in every situation a ticket can be in, made by the product's own steps, and sent on after a restore."""

import copy
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from structlog.testing import capture_logs

from tests.fakes import fake_tools
from ticketflow.errors import PermanentError, TransientError
from ticketflow.services.decide_approval import Judgement, decide_approval
from ticketflow.services.failed_tickets import find_failed_tickets, replay_failed_tickets
from ticketflow.services.queue_wait import QueueWait
from ticketflow.services.run_step import StepRunner
from ticketflow.services.submit_ticket import submit_ticket
from ticketflow.storage.due import claim_due
from ticketflow.storage.failed_tickets import FailedFilter
from ticketflow.storage.leases import Claim, claim_step
from ticketflow.storage.session import Sessions, build_engine, build_session_factory
from ticketflow.storage.tickets import NewTicket
from ticketflow.workflow.approval import ApprovalPolicy
from ticketflow.workflow.graph import LINEAGE
from ticketflow.workflow.plan import Plan, ticket_plan
from ticketflow.workflow.state import DEFAULT_TENANT

STEPS = ticket_plan().order
# Over by the time a backup is restored, as they would be.
GRACE = timedelta(seconds=2)
LEASE = timedelta(seconds=2)
SCHEDULED_IN = timedelta(seconds=5)
SITUATIONS = ("sent", "leased", "retrying", "failed", "sent", "waiting", "told", "sent", "scheduled", "new")
STANDING = """
    SELECT count(*), status, next_step, lease_token IS NOT NULL AS is_leased, error IS NOT NULL AS has_error
    FROM tickets GROUP BY 2, 3, 4, 5 ORDER BY 2, 3, 4, 5
"""


class ProviderAwayError(TransientError):
    """Somebody asks for patience."""

    retry_after_s = 5.0


class NoWait(QueueWait):
    """Takes no notice of how long a ticket waited for its turn here: it would be given as long once more."""

    def observe(self, waited_s: float) -> None:
        """Forget it."""


class InFlight:
    """Makes tickets and leaves each in a situation of its own, at each of the six steps in turn."""

    def __init__(self, database_url: str) -> None:
        """Connect; ``close`` disconnects."""
        self._engine = build_engine(database_url)
        self.sessions = build_session_factory(self._engine)
        lone = build_session_factory(self._engine.execution_options(isolation_level="AUTOCOMMIT"))
        self._sound = new_runner(lone, ticket_plan())
        self._asking = new_runner(lone, ticket_plan(), approval=ApprovalPolicy(mode="always"))
        self._stumbling = new_runner(lone, new_failing_plan(ProviderAwayError("the provider is away")))
        self._failing = new_runner(lone, new_failing_plan(PermanentError("the knowledge base is broken")))

    def close(self) -> None:
        """Disconnect."""
        self._engine.dispose()

    def make(self, count: int) -> list[UUID]:
        """Make tickets."""
        made = {self._submit(number): number for number in range(count) if not is_late(number)}
        with capture_logs():
            for ticket_id, generation in self._dispatch():
                if ticket_id in made:  # and not one of an earlier call: it was sent once more
                    number = made[ticket_id]
                    self._leave(ticket_id, generation, SITUATIONS[number % len(SITUATIONS)], number // len(SITUATIONS))
        return [*made, *(self._submit(number) for number in range(count) if is_late(number))]

    def move_on(self) -> int:
        """Dispatch everything due and run a step of each: what happens after the moment a backup is of."""
        dispatched = self._dispatch()
        with capture_logs():
            for ticket_id, generation in dispatched:
                step = self.ask("SELECT next_step FROM tickets WHERE id = :id", id=ticket_id)
                self._sound.run(Claim(ticket_id, step, generation))
        return len(dispatched)

    def wake_all(self) -> None:
        """Make every live ticket due now."""
        with self.sessions.begin() as session:
            ring = "SET wake_at = now(), lease_until = least(lease_until, now()) WHERE wake_at IS NOT NULL"
            session.execute(text(f"UPDATE tickets {ring}"))

    def repair(self) -> Counter[str]:
        """Do what people do: replay what failed, accept what waits for them; return how many of each."""
        with self.sessions() as session:
            waiting = session.execute(text("SELECT id, version FROM tickets WHERE status = 'awaiting_approval'")).all()
        for ticket_id, version in waiting:
            decide_approval(self.sessions, DEFAULT_TENANT, ticket_id, Judgement("accept", by="drill"), version)
        replayed = replay_failed_tickets(self.sessions, find_failed_tickets(self.sessions, FailedFilter()))
        return Counter(accepted=len(waiting), replayed=replayed)

    def list_effects(self) -> set[tuple[str, str]]:
        """Return every step that has taken effect."""
        with self.sessions() as session:
            return {(str(row[0]), row[1]) for row in session.execute(text("SELECT ticket_id, step FROM ticket_steps"))}

    def list_tickets(self) -> list[str]:
        """Return the id of every ticket."""
        with self.sessions() as session:
            return [str(ticket) for ticket in session.scalars(text("SELECT id FROM tickets"))]

    def ask(self, question: str, **values: Any) -> Any:
        """Return the one value of a query."""
        with self.sessions() as session:
            return session.scalar(text(question), values)

    def describe(self) -> list[tuple[Any, ...]]:
        """Say how many tickets stand where."""
        with self.sessions() as session:
            return [tuple(row) for row in session.execute(text(STANDING))]

    def _submit(self, number: int) -> UUID:
        is_scheduled = SITUATIONS[number % len(SITUATIONS)] == "scheduled"
        not_before = datetime.now(UTC) + SCHEDULED_IN if is_scheduled else None
        new = NewTicket(f"Password {number}", "How do I reset my password?", not_before=not_before)
        return submit_ticket(self.sessions, DEFAULT_TENANT, new, STEPS[0]).ticket_id

    def _dispatch(self) -> list[tuple[UUID, int]]:
        with self.sessions.begin() as session:
            return [(each.ticket_id, each.generation) for each in claim_due(session, 10_000, GRACE, LINEAGE)]

    def _leave(self, ticket_id: UUID, generation: int, situation: str, number: int) -> None:
        at = {"waiting": STEPS.index("review"), "told": len(STEPS)}.get(situation, number % len(STEPS))
        for step in STEPS[:at]:
            self._sound.run(Claim(ticket_id, step, generation))
        if situation == "told":
            return
        claim = Claim(ticket_id, STEPS[at], generation)
        match situation:
            case "leased":
                with self.sessions.begin() as session:
                    claim_step(session, claim, LEASE, 3)
            case "retrying":
                self._stumbling.run(claim)
            case "failed":
                self._failing.run(claim)
            case "waiting":
                self._asking.run(claim)


def is_late(number: int) -> bool:
    """Say whether a ticket comes in when the others have been dispatched."""
    return SITUATIONS[number % len(SITUATIONS)] in {"scheduled", "new"}


def new_runner(sessions: Sessions, plan: Plan, **tools: Any) -> StepRunner:
    return StepRunner(sessions, plan, fake_tools(**tools), NoWait(GRACE))


def new_failing_plan(error: Exception) -> Plan:
    def fail(*_: Any) -> None:
        raise error

    plan = copy.copy(ticket_plan())
    plan.run = fail  # type: ignore[method-assign,assignment]
    return plan
