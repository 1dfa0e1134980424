"""The dead-letter queue, read over a dispatcher's own connection."""

from typing import Any
from uuid import UUID

from celery import Celery

from ticketflow.errors import BrokerUnavailableError
from ticketflow.observability.logging import get_logger
from ticketflow.storage.dead_letters import DeadLetter
from ticketflow.tasks.broker import BROKER_ERRORS
from ticketflow.tasks.publisher import ChainPublisher

log = get_logger(__name__)

_TASK_PREFIX = "ticketflow.steps."


class BrokerDeadLetters:
    """Takes messages out of ``ticketflow.dead`` over a publisher's connection, from the publisher's thread."""

    def __init__(self, app: Celery, publisher: ChainPublisher) -> None:
        """Bind to a publisher; nothing is opened yet."""
        self._app = app
        self._publisher = publisher
        self._taken: list[Any] = []

    def take(self, limit: int) -> list[DeadLetter]:
        """Take up to ``limit`` messages; what is not one of ours is logged and dropped."""
        self._taken = []
        try:
            queue = self._app.conf.dead_letter_queue.bind(self._publisher.open_channel())
            while len(self._taken) < limit and (message := queue.get()) is not None:
                self._taken.append(message)
        except BROKER_ERRORS as error:
            raise BrokerUnavailableError(f"{type(error).__name__}: {error}") from error
        return [letter for message in self._taken if (letter := read_letter(message)) is not None]

    def forget(self) -> None:
        """Acknowledge what was taken."""
        try:
            while self._taken:
                self._taken.pop().ack()
        except BROKER_ERRORS as error:
            raise BrokerUnavailableError(f"{type(error).__name__}: {error}") from error


def read_letter(message: Any) -> DeadLetter | None:
    """Say which ticket's step a message was for, and why it is here; ``None`` if it is not one of ours."""
    try:
        (ticket_id, generation), *_ = message.payload
        step = str(message.headers["task"]).removeprefix(_TASK_PREFIX)
        # RabbitMQ puts the latest death first (https://www.rabbitmq.com/docs/dlx, "Effects on messages").
        death = (message.headers.get("x-death") or [{}])[0]
        return DeadLetter(
            ticket_id=UUID(ticket_id),
            generation=int(generation),
            step=step,
            reason=death.get("reason", "unroutable"),
            queue=death.get("queue", message.delivery_info.get("routing_key", "")),
        )
    except Exception as error:  # noqa: BLE001  # whatever somebody else put there
        log.warning("dead_letters.unreadable", headers=dict(message.headers), error=str(error))
        return None
