"""Connections to the broker over TLS, on which its certificate must be for the host we meant to reach.

kombu checks that somebody it trusts has signed the certificate, and lets any such server stand for any other
(celery/kombu#1366), unless it is told the host's name; told once, it keeps that name for the other nodes of a cluster.
"""

import ssl
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, pyamqp

from ticketflow.settings import Settings, load_settings

# kombu writes this address where the URL says localhost, and the certificate is for what the URL says.
_REWRITTEN = {"127.0.0.1": "localhost"}


class Transport(pyamqp.SSLTransport):
    """kombu's transport, which asks for the name of the host it connects to, each time."""

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
    TRANSPORT_ALIASES["amqps"] = f"{__name__}:Transport"
