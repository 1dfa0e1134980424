"""First tries that may come to this process next: whoever commits a step knows all that the one after it would read."""

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

from ticketflow.storage.commits import Passed
from ticketflow.storage.leases import Claim, Lease

# Who pauses a step must not wait longer than this for those that were about to begin.
KEPT_FOR_S = 1.0
# Of most tickets the next link goes to somebody else: what it would have needed may not fill the memory.
MOST_KEPT = 256
MOST_CHARACTERS = 50_000


class NextLeases:
    """Keeps the leases of next steps for a moment.

    One that is taken is as good as one that was just read: what happens to the ticket meanwhile shows when its step
    commits, except a pause.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = threading.Lock()
        self._kept: OrderedDict[Claim, tuple[float, Lease, str]] = OrderedDict()

    def keep(self, done: Lease, added: Mapping[str, Any], step: str, passed: Passed) -> None:
        """Keep what a next step needs, before its message is sent: unless it is paused, or the ticket was changed.

        Args:
            done: The lease of the step that was committed.
            added: What that step added.
            step: The next one.
            passed: What became of the commit.
        """
        if passed.next_round is None or passed.version != done.version + 1:
            return
        state = json.dumps({**done.state, **added})  # so that nobody can change it
        if len(state) > MOST_CHARACTERS:
            return
        claim = Claim(done.claim.ticket_id, step, done.claim.generation)
        lease = replace(done, claim=claim, round=passed.next_round, started_at=passed.at, version=passed.version)
        now = time.monotonic()
        with self._lock:
            self._kept[claim] = (now, lease, state)
            while len(self._kept) > MOST_KEPT or now - next(iter(self._kept.values()))[0] > KEPT_FOR_S:
                self._kept.popitem(last=False)

    def take(self, claim: Claim) -> Lease | None:
        """Take a lease out, if this process committed the step before a moment ago."""
        with self._lock:
            kept = self._kept.pop(claim, None)
        if kept is None:
            return None
        begun, lease, state = kept
        waited_s = time.monotonic() - begun
        if waited_s > KEPT_FOR_S:
            return None
        started_at = lease.started_at + timedelta(seconds=waited_s)
        return replace(lease, token=uuid4(), waited_s=waited_s, started_at=started_at, state=json.loads(state))
