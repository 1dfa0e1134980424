"""Publish the chains of due tickets: the one way work gets to the broker."""

from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from ticketflow.errors import BrokerUnavailableError
from ticketflow.observability.failpoints import failpoint
from ticketflow.observability.logging import get_logger
from ticketflow.observability.metrics import (
    APPROVAL_WAIT,
    CHAINS_PUBLISHED,
    DISPATCHER_LAST_PASS,
    EXPIRED,
    LEASES_EXPIRED,
    PUBLISH_FAILURES,
)
from ticketflow.services.queue_wait import stretch
from ticketflow.storage.due import (
    Dispatch,
    claim_due,
    count_in_flight,
    expire_approvals,
    expire_leases,
    lock_window,
    move_clocks,
    release_unsent,
)
from ticketflow.storage.session import Sessions
from ticketflow.storage.workers import Capacity, measure_capacity
from ticketflow.workflow.lineage import Lineage

log = get_logger(__name__)

RELEASE_AFTER = timedelta(seconds=1)
# Chains out for each slot of a live worker: one at work, the others on their way between two steps.
CHAINS_PER_SLOT = 4
# With no live worker known, the first one is about to come: have work ready for it.
FIRST_SLOTS = 4


class Publisher(Protocol):
    """Sends chains to the broker."""

    @property
    def lineage(self) -> Lineage:
        """The graphs whose steps it can send tickets to."""
        ...

    def connect(self) -> None:
        """Make sure messages can be sent.

        Raises:
            BrokerUnavailableError: They can't.
        """
        ...

    def publish(self, dispatch: Dispatch) -> None:
        """Send one ticket's chain.

        Raises:
            BrokerUnavailableError: It may or may not have arrived, like all since the last ``confirm``; send them again
                later.
        """
        ...

    def confirm(self) -> None:
        """Wait until the broker has all that was sent.

        Raises:
            BrokerUnavailableError: Any may or may not have arrived; send them again later.
        """
        ...


@dataclass(frozen=True, slots=True)
class DispatchLimits:
    """How much one pass may do.

    Attributes:
        max_in_flight: Most chains out at one time, over all dispatchers and however many workers there are.
        redispatch_after: How long a chain may wait for a worker before it is sent again, while queues are short.
        batch: Chains one pass publishes.
        alive_for: How long a worker counts after it was last seen.
        changes_over: Whether tickets of older graphs go on in the newest one; otherwise they are left alone.
    """

    max_in_flight: int
    redispatch_after: timedelta
    batch: int = 100
    alive_for: timedelta = timedelta(minutes=3)
    changes_over: bool = True

    def window(self, capacity: Capacity) -> int:
        """Return how many chains these workers should have at one time.

        A wider window makes queues longer and nothing faster, and what waits in a queue is out of
        reach of priority, pause and cancel.
        """
        return min(self.max_in_flight, CHAINS_PER_SLOT * (capacity.slots or FIRST_SLOTS))


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


def dispatch_due(
    sessions: Sessions, publisher: Publisher, limits: DispatchLimits, *, takes_back: bool = True
) -> DispatchReport:
    """Make one pass: claim what is due, commit, then publish.

    Args:
        takes_back: Whether leases that ran out are taken away, and chains sent again of which nobody said anything. Not
            just after an outage of the database, in which nobody could.

    Raises:
        BrokerUnavailableError: There is no broker to publish to; nothing was claimed.
    """
    _connect(publisher)
    with sessions.begin() as session:
        move_clocks(session)
        expired = expire_leases(session, limits.batch) if takes_back else 0
        waits_s = expire_approvals(session, limits.batch)
        capacity = measure_capacity(session, limits.alive_for)
        lock_window(session)
        room = min(limits.window(capacity) - count_in_flight(session), limits.batch)
        patience = stretch(limits.redispatch_after, capacity.queue_wait)
        how = {"changes_over": limits.changes_over, "takes_back": takes_back}
        due = claim_due(session, room, patience, publisher.lineage, **how) if room > 0 else []
    LEASES_EXPIRED.inc(expired)
    for waited_s in waits_s:
        APPROVAL_WAIT.labels(EXPIRED).observe(waited_s)
    unsent = deque(due)
    try:
        _publish(publisher, unsent)
    finally:
        if unsent:
            failpoint("release.before")
            with sessions.begin() as session:
                release_unsent(session, unsent, RELEASE_AFTER)
    published = len(due) - len(unsent)
    if published:
        log.debug("dispatch.published", count=published)
    DISPATCHER_LAST_PASS.set_to_current_time()
    return DispatchReport(
        published=published,
        unsent=len(unsent),
        is_full=room <= 0 or len(due) >= room < limits.batch,
        is_batch_full=len(due) >= limits.batch,
    )


def _connect(publisher: Publisher) -> None:
    try:
        publisher.connect()
    except BrokerUnavailableError:
        PUBLISH_FAILURES.inc()
        raise


def _publish(publisher: Publisher, unsent: deque[Dispatch]) -> None:
    """Publish all, and wait for the broker's word once; unless it has them all, they stay in ``unsent``.

    Not the one that failed for any other reason: it would fail again, so it waits for its clock, longer each time.
    """
    if not unsent:
        return
    failpoint("publish.before")
    sent: list[Dispatch] = []
    try:
        while unsent:
            sent.append(unsent.popleft())
            publisher.publish(sent[-1])
        publisher.confirm()
    except BrokerUnavailableError as error:
        unsent.extendleft(reversed(sent))
        log.warning("dispatch.unsent", count=len(unsent), error=str(error))
        PUBLISH_FAILURES.inc()
        return
    except Exception:
        unsent.extendleft(reversed(sent[:-1]))
        raise
    failpoint("publish.after")
    for dispatch in sent:
        CHAINS_PUBLISHED.labels("first" if dispatch.dispatches == 1 else "again").inc()
