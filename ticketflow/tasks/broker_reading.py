"""What the broker says of itself and of the workers, asked over AMQP alone."""

from amqp import Message
from amqp.exceptions import NotFound
from celery import Celery
from kombu import Connection

from ticketflow.errors import BrokerUnavailableError
from ticketflow.monitoring.workers import BrokerReading
from ticketflow.settings import load_settings
from ticketflow.tasks.broker import BROKER_ERRORS, open_connection

# Workers that are alive answer within milliseconds; the others never do.
INSPECT_TIMEOUT_S = 0.7


def read_broker(app: Celery, timeout_s: float) -> BrokerReading:
    """Ask the broker everything it knows.

    Args:
        timeout_s: Longest wait for each of its answers.

    Raises:
        BrokerUnavailableError: It does not answer in time.
    """
    is_embedded = load_settings().is_broker_embedded
    connection = open_connection(app, timeout_s)
    try:
        # First what is asked, then what is published: after that, a broker with an alarm reads nothing from us.
        consumers = {queue.name: count_consumers(connection, queue.name) for queue in app.conf.task_queues}
        dead = count_messages(connection, app.conf.dead_letter_queue.name)
        alarm = None if is_embedded else find_alarm(connection, timeout_s)
        listening = {} if alarm else ask_workers(app, connection)
        if is_embedded:  # the folder does not know who reads it
            consumers = {name: sum(name in queues for queues in listening.values()) for name in consumers}
        return BrokerReading(alarm, frozenset(listening), consumers, dead)
    except BROKER_ERRORS as error:
        raise BrokerUnavailableError(f"{type(error).__name__}: {error}") from error
    finally:
        connection.collect(socket_timeout=timeout_s)


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


def count_consumers(connection: Connection, queue: str) -> int | None:
    """Count who fetches from a queue; ``None`` if there is no such queue."""
    with connection.channel() as channel:
        try:
            return int(channel.queue_declare(queue=queue, passive=True).consumer_count)
        except NotFound:
            return None


def count_messages(connection: Connection, queue: str) -> int:
    """Count the messages that wait in a queue; none if there is no such queue."""
    with connection.channel() as channel:
        try:
            return int(channel.queue_declare(queue=queue, passive=True).message_count)
        except NotFound:
            return 0
