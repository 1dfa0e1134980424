"""Sends tickets' remaining steps to the broker, each as one Celery chain, and waits for its word once for many."""

import time
from typing import Any

from celery import Celery
from kombu import Connection, Producer

from ticketflow.errors import BrokerUnavailableError
from ticketflow.observability.tracing import Attributes, current_traceparent, span, ticket_traceparent
from ticketflow.storage.due import Dispatch
from ticketflow.tasks.broker import BROKER_ERRORS, open_connection
from ticketflow.tasks.chain_message import QUEUE_PREFIX, REQUEST_ID, SENT_BY, TRACEPARENT, build_links, build_message
from ticketflow.workflow.lineage import Lineage


class ChainPublisher:
    """Publishes over a connection of its own, with confirms and a limit on every wait.

    Without confirms, a publish into a black hole, a frozen broker or a memory alarm returns at
    once and the message may be gone; with Celery's own retries it may hang as long as the fault.
    """

    def __init__(self, app: Celery, lineage: Lineage, timeout_s: float) -> None:
        """Bind to an app; ``connect`` opens the connection.

        Args:
            lineage: The graphs whose steps it can send tickets to.
        """
        self.lineage = lineage
        self._app = app
        self._timeout_s = timeout_s
        self._connection: Connection | None = None
        self._outbox: Outbox | None = None

    def connect(self) -> None:
        """Open the connection and declare every queue, unless that is done.

        Raises:
            BrokerUnavailableError: The broker does not answer in time.
        """
        if self._connection is not None and self._connection.connected:
            return
        self.close()
        connection = open_connection(self._app, self._timeout_s)
        try:
            declare_queues(connection, self._app)
            self._outbox = Outbox(connection, self._app.conf.task_default_exchange)
        except BROKER_ERRORS as error:
            connection.collect(socket_timeout=self._timeout_s)
            raise BrokerUnavailableError(f"{type(error).__name__}: {error}") from error
        self._connection = connection

    def open_channel(self) -> Any:
        """Return a channel of the connection, opening it if need be; for the thread that publishes.

        Raises:
            BrokerUnavailableError: The broker does not answer in time.
        """
        self.connect()
        assert self._connection is not None  # noqa: S101  # connect raises otherwise
        return self._connection.default_channel

    def publish(self, dispatch: Dispatch) -> None:
        """Send one chain; ``confirm`` tells whether it has arrived.

        Raises:
            BrokerUnavailableError: It may or may not be there, and so may those sent before.
        """
        parent = ticket_traceparent(dispatch.ticket_id, dispatch.traceparent)
        with span("dispatch", "producer", _describe(dispatch), parent=parent):
            trail = {REQUEST_ID: dispatch.request_id, TRACEPARENT: parent, SENT_BY: current_traceparent()}
            steps = self.lineage.remaining(dispatch.next_step)
            message = build_message(build_links(steps, str(dispatch.ticket_id), dispatch.generation), trail)
            try:
                self._open_outbox().send(message)
            except BROKER_ERRORS as error:
                raise self._give_up(error) from error

    def confirm(self) -> None:
        """Wait until the broker has every chain that was sent.

        Raises:
            BrokerUnavailableError: It has not said so of each in time; any of them may or may not be there.
        """
        try:
            self._open_outbox().wait(self._timeout_s)
        except BROKER_ERRORS as error:
            raise self._give_up(error) from error

    def _open_outbox(self) -> "Outbox":
        self.connect()
        assert self._outbox is not None  # noqa: S101  # connect raises otherwise
        return self._outbox

    def _give_up(self, error: Exception) -> BrokerUnavailableError:
        self.close()
        return BrokerUnavailableError(f"{type(error).__name__}: {error}")

    def close(self) -> None:
        """Let go of the connection without waiting for the other side."""
        if self._connection is not None:
            self._connection.collect(socket_timeout=self._timeout_s)
            self._connection = None


class Outbox:
    """A channel that messages leave by one after the other, without a wait for the broker's word on each."""

    def __init__(self, connection: Connection, exchange: str) -> None:
        """Open the channel to the broker."""
        self._connection = connection
        self._exchange = exchange
        channel = connection.channel()
        self._confirms = connection.transport.driver_type == "amqp"
        if self._confirms:
            # A connection that confirms waits at each message. What its channels' class does is only to send.
            channel.confirm_select()
            channel.basic_publish = type(channel).basic_publish.__get__(channel)
            channel.events["basic_ack"].add(self._settle)
            channel.events["basic_nack"].add(self._refuse)
        self._producer = Producer(channel, auto_declare=False)
        self._sent = 0
        self._unsettled: set[int] = set()
        self._refused = 0

    def send(self, message: dict[str, Any]) -> None:
        """Send one; raises what kombu raises."""
        self._producer.publish(exchange=self._exchange, **message)
        if self._confirms:
            self._sent += 1
            self._unsettled.add(self._sent)

    def wait(self, timeout_s: float) -> None:
        """Wait until the broker has all that were sent.

        Raises:
            TimeoutError: It has not said so of each in time.
            ConnectionError: It refused one.
        """
        deadline = time.monotonic() + timeout_s
        while self._unsettled:
            self._connection.drain_events(timeout=max(0.001, deadline - time.monotonic()))
        if self._refused:
            raise ConnectionError(f"the broker refused {self._refused} messages")

    def _settle(self, tag: int, multiple: bool) -> None:  # noqa: FBT001  # py-amqp's own
        # RabbitMQ counts a channel's messages from 1 and may answer for all up to one (its docs, "Publisher Confirms").
        self._unsettled -= {each for each in self._unsettled if each <= tag} if multiple else {tag}

    def _refuse(self, tag: int, multiple: bool) -> None:  # noqa: FBT001  # py-amqp's own
        before = len(self._unsettled)
        self._settle(tag, multiple)
        self._refused += before - len(self._unsettled)


def _describe(dispatch: Dispatch) -> Attributes:
    return {
        "ticketflow.ticket_id": str(dispatch.ticket_id),
        "ticketflow.request_id": dispatch.request_id,
        "ticketflow.generation": dispatch.generation,
        "ticketflow.dispatches": dispatch.dispatches,
        "messaging.operation.type": "send",
        "messaging.destination.name": QUEUE_PREFIX + dispatch.next_step,
    }


def declare_queues(connection: Connection, app: Celery) -> None:
    """Declare exchanges, step queues and the dead-letter queue; a no-op where they exist."""
    channel = connection.default_channel
    app.conf.dead_letter_queue.bind(channel).declare()
    for queue in app.conf.task_queues:
        queue.bind(channel).declare()
