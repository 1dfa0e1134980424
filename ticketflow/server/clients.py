"""Who sent a request: the peer, or whom a trusted proxy names."""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

Address = IPv4Address | IPv6Address


def find_client(environ: Mapping[str, Any], trusted_proxies: Sequence[str]) -> str:
    """Return the address of the client, for the log.

    ``X-Forwarded-For`` is read from its end, where the nearest proxy wrote, for as long as what it names is a trusted
    proxy too: further up is only what somebody claims.

    Args:
        environ: Of the request (PEP 3333).
        trusted_proxies: Addresses and networks.
    """
    client: str = environ.get("REMOTE_ADDR") or "unix"
    named = str(environ.get("HTTP_X_FORWARDED_FOR", "")).split(",")
    while named and _is_trusted(client, trusted_proxies):
        address = _find_address(named.pop())
        if address is None:
            break
        client = str(address)
    return client


def _is_trusted(client: str, trusted_proxies: Sequence[str]) -> bool:
    address = _find_address(client)
    return address is not None and any(address in ip_network(each, strict=False) for each in trusted_proxies)


def _find_address(written: str) -> Address | None:
    """Read an address, with a port or without; an IPv4 one that IPv6 wraps is what it wraps."""
    written = written.strip()
    if written.startswith("["):
        written = written[1:].partition("]")[0]
    elif written.count(":") == 1:
        written = written.partition(":")[0]
    try:
        address = ip_address(written)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
