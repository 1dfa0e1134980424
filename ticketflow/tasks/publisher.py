"""Sends a ticket's remaining steps to the broker as one Celery chain, and waits for its word."""

from typing import Any

from celery import Celery, chain
from kombu import Connection

from ticketflow.errors import BrokerUnavailableError
from ticketflow.observability.tracing import Attributes, current_traceparent, span, ticket_traceparent
from ticketflow.storage.due import Dispatch
from ticketflow.tasks.broker import BROKER_ERRORS, open_connection
from ticketflow.workflow.lineage import Lineage

# Headers of every message of a chain: the request its ticket came with, the place that request had in a trace, and
# that of the dispatch that sent it.
REQUEST_ID = "request_id"
TRACEPARENT = "traceparent"
SENT_BY = "sent_by"


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
        """Send one chain.

        Raises:
            BrokerUnavailableError: No confirm came in time; the message may or may not be there.
        """
        parent = ticket_traceparent(dispatch.ticket_id, dispatch.traceparent)
        with span("dispatch", "producer", _describe(dispatch), parent=parent):
            headers = {REQUEST_ID: dispatch.request_id, TRACEPARENT: parent, SENT_BY: current_traceparent()}
            self._send(dispatch, {name: value for name, value in headers.items() if value is not None})

    def _send(self, dispatch: Dispatch, headers: dict[str, str]) -> None:
        links = [
            self._app.signature(
                f"ticketflow.steps.{step}",
                args=(str(dispatch.ticket_id), dispatch.generation),
                immutable=True,
                headers=headers,
            )
            for step in self.lineage.remaining(dispatch.next_step)
        ]
        options: dict[str, Any] = {"connection": self._connection, "retry": False, "confirm_timeout": self._timeout_s}
        try:
            chain(links, app=self._app).apply_async(**options)
        except BROKER_ERRORS as error:
            self.close()
            raise BrokerUnavailableError(f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Let go of the connection without waiting for the other side."""
        if self._connection is not None:
            self._connection.collect(socket_timeout=self._timeout_s)
            self._connection = None


def _describe(dispatch: Dispatch) -> Attributes:
    return {
        "ticketflow.ticket_id": str(dispatch.ticket_id),
        "ticketflow.request_id": dispatch.request_id,
        "ticketflow.generation": dispatch.generation,
        "ticketflow.dispatches": dispatch.dispatches,
        "messaging.operation.type": "send",
        "messaging.destination.name": f"steps.{dispatch.next_step}",
    }


def declare_queues(connection: Connection, app: Celery) -> None:
    """Declare exchanges, step queues and the dead-letter queue; a no-op where they exist."""
    channel = connection.default_channel
    app.conf.dead_letter_queue.bind(channel).declare()
    for queue in app.conf.task_queues:
        queue.bind(channel).declare()
