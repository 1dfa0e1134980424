"""The dead-letter queue, read over a dispatcher's own connection."""

from functools import partial
from itertools import islice
from typing import Any

from celery import Celery
from pydantic import ValidationError

from ticketflow.errors import BrokerUnavailableError
from ticketflow.observability.logging import get_logger
from ticketflow.storage.events import DeadLetter
from ticketflow.tasks.broker import BROKER_ERRORS
from ticketflow.tasks.chain_message import TASK_PREFIX
from ticketflow.tasks.envelope import Death, StepArguments, UnreadableMessageError, read_envelope
from ticketflow.tasks.publisher import ChainPublisher

log = get_logger(__name__)


class BrokerDeadLetters:
    """Takes messages out of ``ticketflow.dead`` over a publisher's connection, from the publisher's thread."""

    def __init__(self, app: Celery, publisher: ChainPublisher) -> None:
        """Bind to a publisher; nothing is opened yet."""
        self._app = app
        self._publisher = publisher
        self._taken: list[tuple[Any, DeadLetter]] = []

    def take(self, limit: int) -> list[DeadLetter]:
        """Take up to ``limit`` messages out; their queue is made anew if somebody has deleted it.

        What is not one of ours is logged and dropped. What was taken and not forgotten is returned again.
        """
        try:
            if not self._taken:
                channel = self._publisher.open_channel()
                queue = self._app.conf.dead_letter_queue.bind(channel)
                queue.declare()
                for raw in islice(iter(partial(channel.basic_get, queue.name), None), limit):
                    message = channel.message_to_python(raw)
                    letter = read_letter(message)
                    if letter is None:
                        message.ack()
                    else:
                        self._taken.append((message, letter))
        except BROKER_ERRORS as error:
            raise self._give_up(error) from error
        return [letter for _, letter in self._taken]

    def acknowledge(self) -> None:
        """Acknowledge what was taken."""
        try:
            while self._taken:
                self._taken.pop()[0].ack()
        except BROKER_ERRORS as error:
            raise self._give_up(error) from error

    def _give_up(self, error: Exception) -> BrokerUnavailableError:
        """Close a connection that may have a dead channel: what was taken comes back, and queues are made again."""
        self._taken = []
        self._publisher.close()
        return BrokerUnavailableError(f"{type(error).__name__}: {error}")


def read_letter(message: Any) -> DeadLetter | None:
    """Say which ticket's step a message was for, and why it is here; ``None`` if it is not one of ours."""
    try:
        envelope = read_envelope(message)
        named = dict(zip(StepArguments.model_fields, envelope.args, strict=False)) | envelope.kwargs
        told = StepArguments.model_validate(named)
        # RabbitMQ puts the latest death first; what was never in a queue has none.
        place = (message.delivery_info or {}).get("routing_key") or ""
        death = next(iter(envelope.headers.deaths), None) or Death(reason="unroutable", queue=place)
    except (UnreadableMessageError, ValidationError) as error:
        reason = str(error) if isinstance(error, UnreadableMessageError) else "it names no ticket"
        log.warning("dead_letters.unreadable", reason=reason)
        return None
    step = envelope.headers.task.removeprefix(TASK_PREFIX)
    return DeadLetter(told.ticket_id, told.generation, step, death.reason, death.queue)
