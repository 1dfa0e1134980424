"""Failed tickets: find them, send them on their way again, or give them up; and messages that the broker gave up on."""

from collections.abc import Sequence
from typing import Any, Protocol
from uuid import UUID

from ticketflow.observability.logging import get_logger
from ticketflow.services.views import describe_failed_ticket
from ticketflow.storage.events import DeadLetter, record_dead_letter, record_event
from ticketflow.storage.failed_tickets import FailedFilter, list_failed, list_failed_ids, lock_failed
from ticketflow.storage.operations import requeue_ticket, stop_ticket
from ticketflow.storage.session import Sessions
from ticketflow.workflow.events import EventType
from ticketflow.workflow.transitions import Status

log = get_logger(__name__)


class DeadLetterBox(Protocol):
    """Where the broker leaves messages that nobody took."""

    def take(self, limit: int) -> Sequence[DeadLetter]:
        """Take messages out; they come back unless ``acknowledge`` is called.

        Raises:
            BrokerUnavailableError: The broker does not answer.
        """
        ...

    def acknowledge(self) -> None:
        """Let the broker delete what was taken.

        Raises:
            BrokerUnavailableError: The broker does not answer; the messages will come again.
        """
        ...


def read_failed_tickets(sessions: Sessions, wanted: FailedFilter, limit: int | None = None) -> list[dict[str, Any]]:
    """Show failed tickets of every tenant in the order they failed, with their errors."""
    with sessions() as session:
        return [describe_failed_ticket(ticket) for ticket in list_failed(session, wanted, limit)]


def find_failed_tickets(sessions: Sessions, wanted: FailedFilter) -> Sequence[UUID]:
    """Return the ids of failed tickets of every tenant in the order they failed."""
    with sessions() as session:
        return list_failed_ids(session, wanted)


def replay_failed_tickets(sessions: Sessions, ids: Sequence[UUID]) -> int:
    """Make failed tickets due at the step that failed; finished steps are not run again.

    Args:
        ids: A few hundred at most: they are locked together.

    Returns:
        How many of them were still failed; wake a dispatcher for them.
    """
    with sessions.begin() as session:
        tickets = lock_failed(session, ids)
        for ticket in tickets:
            requeue_ticket(ticket, str(ticket.next_step))
            record_event(session, ticket, EventType.TICKET_RETRIED, ticket.next_step)
        return len(tickets)


def purge_failed_tickets(sessions: Sessions, ids: Sequence[UUID]) -> int:
    """Give failed tickets up: they end as cancelled, and their trail says so.

    Args:
        ids: A few hundred at most: they are locked together.

    Returns:
        How many of them were still failed.
    """
    with sessions.begin() as session:
        tickets = lock_failed(session, ids)
        for ticket in tickets:
            stop_ticket(ticket, Status.CANCELLED)
            detail = {"reason": "dead letter purged"}
            record_event(session, ticket, EventType.TICKET_CANCELLED, ticket.next_step, detail)
        return len(tickets)


def collect_dead_letters(sessions: Sessions, box: DeadLetterBox, limit: int = 100) -> int:
    """Empty the box: a message the broker dropped becomes an event of its ticket.

    The ticket itself needs no help: its clock brings it back. A failed ticket's own message says
    nothing new and leaves no event.

    Returns:
        How many messages were taken; ``limit`` means that there may be more.

    Raises:
        BrokerUnavailableError: The broker does not answer; nothing is lost.
    """
    letters = box.take(limit)
    if not letters:
        return 0
    with sessions.begin() as session:
        recorded = sum(record_dead_letter(session, letter) for letter in letters)
    box.acknowledge()
    log.info("dead_letters.collected", taken=len(letters), recorded=recorded)
    return len(letters)
