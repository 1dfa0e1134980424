"""What the broker says of its queues, of itself and of the workers, asked over AMQP alone: no management plugin."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from amqp import Message
from amqp.exceptions import NotFound
from celery import Celery
from kombu import Connection

from ticketflow.monitoring.workers import BrokerReading
from ticketflow.settings import load_settings
from ticketflow.tasks.broker import connected

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
    with connected(app, timeout_s) as connection:
        workers = ask_workers(app, connection)
        held = count_held(app, connection, len(workers))
        found = find_queues(app, connection)
    listening = count_listening(workers)
    return {
        name: QueueState(None, held[name], listening[name])
        if queue is None
        # The folder of the embedded default does not know who reads it.
        else QueueState(queue.message_count, held[name], max(queue.consumer_count, listening[name]))
        for name, queue in found.items()
    }


def read_broker(app: Celery, timeout_s: float) -> BrokerReading:
    """Ask the broker everything it knows.

    Args:
        timeout_s: Longest wait for each of its answers.

    Raises:
        BrokerUnavailableError: It does not answer in time.
    """
    is_embedded = load_settings().is_broker_embedded
    with connected(app, timeout_s) as connection:
        # First what is asked, then what is published: after that, a broker with an alarm reads nothing from us.
        found = find_queues(app, connection)
        alarm = None if is_embedded else find_alarm(connection, timeout_s)
        workers = {} if alarm else ask_workers(app, connection)
    dead = found.pop(app.conf.dead_letter_queue.name)
    consumers = {name: None if queue is None else queue.consumer_count for name, queue in found.items()}
    if is_embedded:  # the folder does not know who reads it
        listening = count_listening(workers)
        consumers = {name: listening[name] for name in found}
    return BrokerReading(alarm, frozenset(workers), consumers, 0 if dead is None else dead.message_count)


def find_queues(app: Celery, connection: Connection) -> dict[str, Any]:
    """Return what the broker says of each queue of an app, the dead letters' last; ``None`` where there is none."""
    found: dict[str, Any] = {}
    for queue in (*app.conf.task_queues, app.conf.dead_letter_queue):
        with connection.channel() as channel:
            try:
                found[queue.name] = channel.queue_declare(queue=queue.name, passive=True)
            except NotFound:
                found[queue.name] = None
    return found


def find_alarm(connection: Connection, timeout_s: float) -> str | None:
    """Publish to a queue of our own; return why the broker does not take messages, or ``None``.

    RabbitMQ tells a client of an alarm when it publishes (https://www.rabbitmq.com/docs/connection-blocked). It may
    still take that first message, never a second one.
    """
    notices: list[str] = []  # the client library drops what they say, memory or disk
    connection.connection.on_blocked = notices.append
    channel = connection.default_channel
    queue = channel.queue_declare(exclusive=True).queue
    try:
        for _ in range(2):
            channel.basic_publish_confirm(Message(b""), routing_key=queue, confirm_timeout=timeout_s)
    except TimeoutError:
        return "its memory or its disk is full" if notices else "it confirms nothing that is published"
    return None


def ask_workers(app: Celery, connection: Connection) -> dict[str, set[str]]:
    """Return the workers that answer, with the queues each of them consumes."""
    answers = app.control.inspect(timeout=INSPECT_TIMEOUT_S, connection=connection).active_queues() or {}
    return {name: {queue["name"] for queue in queues} for name, queues in answers.items()}


def count_listening(workers: dict[str, set[str]]) -> Counter[str]:
    """Count, by queue, the workers that fetch from it."""
    return Counter(queue for queues in workers.values() for queue in queues)


def count_held(app: Celery, connection: Connection, workers: int) -> Counter[str]:
    """Count, by queue, the messages that workers hold.

    Args:
        workers: How many there are; once so many have answered, nobody has to be waited for.
    """
    if not workers:
        return Counter()
    ask = app.control.inspect(timeout=INSPECT_TIMEOUT_S, connection=connection, limit=workers)
    answers = (ask.active() or {}, ask.reserved() or {})
    messages = [message for held in answers for of_worker in held.values() for message in of_worker]
    return Counter(message["delivery_info"]["routing_key"] for message in messages)
