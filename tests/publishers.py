"""A publisher that keeps what it is given; it passes the same contract as the real one."""

from tests.toy import TOY_LINEAGE
from ticketflow.errors import BrokerUnavailableError
from ticketflow.storage.due import Dispatch
from ticketflow.workflow.lineage import Lineage


class FakePublisher:
    """Keeps chains in memory; refuses from the ``fails_after``-th on, or altogether while away."""

    def __init__(
        self, lineage: Lineage = TOY_LINEAGE, *, fails_after: int | None = None, is_away: bool = False
    ) -> None:
        self.sent: list[Dispatch] = []
        self._fails_after = fails_after
        self._is_away = is_away
        self._is_connected = False
        self.lineage = lineage

    def connect(self) -> None:
        if self._is_away:
            raise BrokerUnavailableError("nobody there")
        self._is_connected = True

    def publish(self, dispatched: Dispatch) -> None:
        if not self._is_connected or len(self.sent) == self._fails_after:
            raise BrokerUnavailableError("no confirm")
        self.sent.append(dispatched)

    def confirm(self) -> None:
        """Have them all."""
