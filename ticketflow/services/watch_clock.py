"""Watch the database's clock: it decides everything, and nothing may stand still because it was set back."""

import time
from datetime import UTC, datetime, timedelta

from ticketflow.engines.llm.failures import MAX_PAUSE_S, ModelBusyError
from ticketflow.observability.logging import get_logger
from ticketflow.services.deliver_webhook import LEASE_MARGIN, LONGEST_RETRY_AFTER_S
from ticketflow.services.queue_wait import STRETCH_LIMIT
from ticketflow.storage.clocks import (
    TOLERANCE,
    LongestWaits,
    bring_others_back,
    bring_tickets_back,
    read_clock,
    record_jump,
)
from ticketflow.storage.session import Sessions
from ticketflow.workflow.graph import LONGEST_BACKOFF_S, LONGEST_STEP_S

log = get_logger(__name__)

# Processes may be set differently by so much.
SLACK = 2
# No lease is shorter for this watch, so that a process set to short ones takes nobody's longer ones for a jump.
LEAST_LEASE = timedelta(minutes=1)
# Looking costs a few milliseconds.
LOOK_EVERY_S = 5.0


def build_longest_waits(lease_for: timedelta, redispatch_after: timedelta, timeout: timedelta) -> LongestWaits:
    """Say how long each kind of wait can last.

    Args:
        timeout: What one request to a webhook may take.
    """
    return LongestWaits(
        lease=max(SLACK * lease_for, LEAST_LEASE),
        redispatch=max(redispatch_after, STRETCH_LIMIT),
        backoff=timedelta(seconds=LONGEST_BACKOFF_S),
        busy=timedelta(seconds=MAX_PAUSE_S),
        busy_error=ModelBusyError.__name__,
        delivery_lease=SLACK * (timeout + LEASE_MARGIN),
        delivery_retry=timedelta(seconds=LONGEST_RETRY_AFTER_S),
        block=timedelta(seconds=MAX_PAUSE_S),
        call=SLACK * timedelta(seconds=LONGEST_STEP_S),
    )


class ClockWatch:
    """Compares the database's clock with one that cannot be set, and brings back what lies too far ahead."""

    def __init__(self, sessions: Sessions, longest: LongestWaits) -> None:
        """Begin without having seen either clock."""
        self._sessions = sessions
        self._longest = longest
        self._after: datetime | None = None
        self._ahead: timedelta | None = None
        self._asking = timedelta(0)
        self._looked_at = -LOOK_EVERY_S

    def look(self) -> None:
        """Look, if that is long enough ago."""
        if time.monotonic() - self._looked_at < LOOK_EVERY_S:
            return
        self._looked_at = time.monotonic()
        by_s = self.compare()
        with self._sessions.begin() as session:
            strayed_s, self._after = bring_tickets_back(session, self._longest, self._after)
            strayed_s = max(strayed_s, bring_others_back(session, self._longest))
            if strayed_s and by_s >= 0:
                by_s = -strayed_s  # nobody saw it happen, and here is what it left
            if by_s and record_jump(session, by_s):
                log.error("clock.jumped", by_s=round(by_s, 1), strayed_s=round(strayed_s, 1))

    def compare(self) -> float:
        """Return how many seconds the database's clock was set forward since the last time; negative for back.

        The time that asking takes is nobody's jump, neither now nor when the next answer comes sooner.
        """
        began_s = time.clock_gettime(time.CLOCK_BOOTTIME)
        with self._sessions() as session:
            now = read_clock(session)
        asking = timedelta(seconds=time.clock_gettime(time.CLOCK_BOOTTIME) - began_s)
        ahead = now - datetime.fromtimestamp(began_s, UTC)
        before, self._ahead = self._ahead, ahead
        asked, self._asking = self._asking, asking
        if before is None or abs(ahead - before) <= TOLERANCE + max(asking, asked):
            return 0.0
        return (ahead - before).total_seconds()
