"""Connections to the broker: no answer is waited for longer than told, whichever of its nodes is there and meant."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from amqp.exceptions import AMQPError
from celery import Celery
from kombu import Connection
from kombu.exceptions import KombuError
from kombu.transport import TRANSPORT_ALIASES, pyamqp

from ticketflow.errors import BrokerUnavailableError
from ticketflow.settings import Settings, load_settings

BROKER_ERRORS = (OSError, AMQPError, KombuError)

# Which node answered last, by the URL that names them all. A node that is frozen costs each connection
# its whole timeout, so it is not asked first again.
_answered: dict[str, str] = {}
# kombu writes this address where the URL says localhost, and the certificate is for what the URL says.
_REWRITTEN = {"127.0.0.1": "localhost"}


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


class NamedTransport(pyamqp.SSLTransport):
    """kombu's transport over TLS, on which the broker's certificate must be for the host we meant to reach, each time.

    kombu checks that somebody it trusts has signed the certificate, and lets any such server stand for any other
    (celery/kombu#1366), unless it is told the host's name; told once, it keeps that name for the other nodes of a
    cluster.
    """

    def establish_connection(self) -> Any:
        """Connect; the check of the certificate comes before anything is said."""
        client = self.client
        known = client.ssl.get("server_hostname") if isinstance(client.ssl, dict) else None
        name = known if known and known == _REWRITTEN.get(client.hostname) else client.hostname
        client.ssl = build_options(load_settings()) | {"server_hostname": name or "localhost"}
        return super().establish_connection()


def build_options(settings: Settings) -> dict[str, Any]:
    """Build what py-amqp wants to know of TLS; without an own CA, those of the system are believed."""
    files = {
        "ca_certs": settings.broker_ca,
        "certfile": settings.broker_cert,
        "keyfile": settings.broker_key,
    }
    return {"cert_reqs": ssl.CERT_REQUIRED, **{name: str(path) for name, path in files.items() if path is not None}}


def require_names() -> None:
    """Let every amqps:// URL of this process be reached this way."""
    TRANSPORT_ALIASES["amqps"] = f"{__name__}:NamedTransport"
