"""Connections to the broker that wait for no answer longer than told, whichever of its nodes is there."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from amqp.exceptions import AMQPError
from celery import Celery
from kombu import Connection
from kombu.exceptions import KombuError

from ticketflow.errors import BrokerUnavailableError

BROKER_ERRORS = (OSError, AMQPError, KombuError)

# Which node answered last, by the URL that names them all. A node that is frozen costs each connection
# its whole timeout, so it is not asked first again.
_answered: dict[str, str] = {}


def open_connection(app: Celery, timeout_s: float) -> Connection:
    """Open a connection that confirms what is published and never waits longer than ``timeout_s``.

    Raises:
        BrokerUnavailableError: No node of the broker answers in time.
    """
    options = {"confirm_publish": True, "read_timeout": timeout_s, "write_timeout": timeout_s}
    return _open(app, timeout_s, options)


@contextmanager
def connected(app: Celery, timeout_s: float) -> Iterator[Connection]:
    """Open such a connection for as long as the block runs.

    Raises:
        BrokerUnavailableError: No node of the broker answers in time, or not to what the block asks.
    """
    connection = open_connection(app, timeout_s)
    try:
        yield connection
    except BROKER_ERRORS as error:
        raise BrokerUnavailableError(f"{type(error).__name__}: {error}") from error
    finally:
        connection.collect(socket_timeout=timeout_s)


def check_broker(app: Celery, timeout_s: float) -> None:
    """Connect and disconnect.

    Raises:
        BrokerUnavailableError: No node of the broker answers in time.
    """
    _open(app, timeout_s, {"read_timeout": timeout_s}).collect(socket_timeout=timeout_s)


def list_nodes(url: str) -> list[str]:
    """Split a broker URL into those of its nodes, the one that answered last first."""
    return sorted(url.split(";"), key=lambda node: node != _answered.get(url))


def _open(app: Celery, timeout_s: float, options: Mapping[str, Any]) -> Connection:
    """Ask one node after the other, each for ``timeout_s``; kombu's own limit is for all of them together."""
    url = app.conf.broker_write_url
    failures = []
    for node in list_nodes(url):
        connection = app.connection_for_write(
            node, connect_timeout=timeout_s, heartbeat=0, transport_options=dict(options)
        )
        try:
            # Connects now; kombu's own `connect` sleeps two seconds and tries again.
            connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0, timeout=timeout_s)
        except BROKER_ERRORS as error:
            connection.collect(socket_timeout=timeout_s)
            failures.append(error)
        else:
            _answered[url] = node
            return connection
    raise BrokerUnavailableError("; ".join(f"{type(error).__name__}: {error}" for error in failures)) from failures[-1]
