"""The broker's queues as they are just now, without any management plugin."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from amqp.exceptions import NotFound
from celery import Celery
from kombu import Connection

from ticketflow.errors import BrokerUnavailableError
from ticketflow.tasks.broker import BROKER_ERRORS, open_connection

# Workers that are alive answer within milliseconds; the others never do.
INSPECT_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue.

    Attributes:
        ready: Messages nobody has fetched; ``None`` if there is no such queue.
        unacknowledged: Messages that workers hold, whether they work on them or not.
        consumers: Workers that fetch from it.
    """

    ready: int | None
    unacknowledged: int
    consumers: int


def read_queues(app: Celery, timeout_s: float) -> dict[str, QueueState]:
    """Look at every queue of an app, the dead letters' last.

    Args:
        timeout_s: Longest wait for the broker.

    Raises:
        BrokerUnavailableError: The broker does not answer in time.
    """
    connection = open_connection(app, timeout_s)
    try:
        held, listening = _ask_workers(app, connection)
        names = [queue.name for queue in (*app.conf.task_queues, app.conf.dead_letter_queue)]
        return {name: _read_queue(connection, name, held[name], listening[name]) for name in names}
    except BROKER_ERRORS as error:
        raise BrokerUnavailableError(f"{type(error).__name__}: {error}") from error
    finally:
        connection.collect(socket_timeout=timeout_s)


def _ask_workers(app: Celery, connection: Connection) -> tuple[Counter[str], Counter[str]]:
    """Count, by queue, the messages workers hold and the workers that fetch from it."""
    answers = app.control.inspect(timeout=INSPECT_TIMEOUT_S, connection=connection).active_queues() or {}
    listening = Counter(queue["name"] for queues in answers.values() for queue in queues)
    if not answers:
        return Counter(), listening
    # Now that their number is known, nobody has to be waited for.
    workers = app.control.inspect(timeout=INSPECT_TIMEOUT_S, connection=connection, limit=len(answers))
    messages: list[Any] = [
        message
        for held in (workers.active() or {}, workers.reserved() or {})
        for of_worker in held.values()
        for message in of_worker
    ]
    return Counter(message["delivery_info"]["routing_key"] for message in messages), listening


def _read_queue(connection: Connection, name: str, held: int, listening: int) -> QueueState:
    with connection.channel() as channel:
        try:
            declared = channel.queue_declare(queue=name, passive=True)
        except NotFound:
            return QueueState(None, held, listening)
    # The folder of the embedded default does not know who reads it.
    return QueueState(declared.message_count, held, max(declared.consumer_count, listening))
