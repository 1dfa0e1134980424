"""Publish the chains of due tickets: the one way work gets to the broker."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from ticketflow.errors import BrokerUnavailableError
from ticketflow.observability.failpoints import failpoint
from ticketflow.observability.logging import get_logger
from ticketflow.storage.due import Departure, claim_due, count_in_flight, release_unsent
from ticketflow.storage.session import Sessions

log = get_logger(__name__)

RELEASE_AFTER = timedelta(seconds=1)


class Publisher(Protocol):
    """Sends chains to the broker."""

    def connect(self) -> None:
        """Make sure messages can be sent.

        Raises:
            BrokerUnavailableError: They can't.
        """
        ...

    def publish(self, departure: Departure) -> None:
        """Send one ticket's chain and wait until the broker has it.

        Raises:
            BrokerUnavailableError: It may or may not have arrived; send it again later.
        """
        ...


@dataclass(frozen=True, slots=True)
class DispatchLimits:
    """How much one pass may do.

    Attributes:
        max_in_flight: Chains out at one time, over all dispatchers.
        batch: Chains one pass publishes.
        redispatch_after: How long a chain may wait for a worker before it is sent again.
    """

    max_in_flight: int
    redispatch_after: timedelta
    batch: int = 100


@dataclass(frozen=True, slots=True)
class DispatchReport:
    """What one pass did.

    Attributes:
        published: Chains the broker confirmed.
        unsent: Chains it did not take; due again shortly.
        is_full: Whether the window was full, so that more may be due.
        is_batch_full: Whether the pass stopped at its batch size, so that more may be due.
    """

    published: int
    unsent: int
    is_full: bool
    is_batch_full: bool


def dispatch_due(sessions: Sessions, publisher: Publisher, limits: DispatchLimits) -> DispatchReport:
    """Make one pass: claim what is due, commit, then publish.

    Raises:
        BrokerUnavailableError: There is no broker to publish to; nothing was claimed.
    """
    publisher.connect()
    with sessions.begin() as session:
        room = min(limits.max_in_flight - count_in_flight(session), limits.batch)
        due = claim_due(session, room, limits.redispatch_after) if room > 0 else []
    unsent = _publish(publisher, due)
    if unsent:
        failpoint("release.before")
        with sessions.begin() as session:
            release_unsent(session, unsent, RELEASE_AFTER)
    published = len(due) - len(unsent)
    if published:
        log.debug("dispatch.published", count=published)
    return DispatchReport(
        published=published,
        unsent=len(unsent),
        is_full=room <= 0 or len(due) == room < limits.batch,
        is_batch_full=len(due) == limits.batch,
    )


def _publish(publisher: Publisher, due: Sequence[Departure]) -> Sequence[Departure]:
    """Publish until the broker stops taking messages; return what is left."""
    for sent, departure in enumerate(due):
        failpoint("publish.before")
        try:
            publisher.publish(departure)
        except BrokerUnavailableError as error:
            log.warning("dispatch.unsent", count=len(due) - sent, error=str(error))
            return due[sent:]
        failpoint("publish.after")
    return ()
