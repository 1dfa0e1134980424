"""Read what the broker gave up on, and write it on the tickets' trails."""

from collections.abc import Sequence
from typing import Protocol

from ticketflow.observability.logging import get_logger
from ticketflow.storage.events import DeadLetter, record_dead_letter
from ticketflow.storage.session import Sessions

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
