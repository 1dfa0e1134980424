"""Which addresses webhooks may be sent to: a list of our own, whatever the running Python thinks of them."""

import re
import socket
from ipaddress import IPv4Address, ip_address, ip_network
from urllib.parse import unquote

import httpx
import idna

from ticketflow.errors import InvalidInputError
from ticketflow.masking import mask_text

MAX_URL_LENGTH = 2000
NOT_PUBLIC = "not a public address, and TICKETFLOW_WEBHOOK_ALLOW_PRIVATE is off"

# IANA IPv6 Address Space: nothing else is global unicast. What carries an IPv4 address is outside or below:
# ::/96, ::ffff:0:0/96, ::ffff:0:0:0/96, 64:ff9b::/96, 64:ff9b:1::/48; so are fc00::/7 with fd00:ec2::254 (AWS),
# fe80::/10, fec0::/10, ff00::/8, 100::/64, 5f00::/16.
_GLOBAL_UNICAST = ip_network("2000::/3")
_NOT_PUBLIC = tuple(
    ip_network(block)
    for block in (
        # IANA IPv4 Special-Purpose Address Registry; whole blocks, also where a part may be reached.
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4"),
        "224.0.0.0/4",  # IANA IPv4 Multicast Address Space Registry
        # IANA IPv6 Special-Purpose Address Registry, as far as it is global unicast.
        *("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
        "3ffe::/16",  # RFC 3701: given back
        # What clouds answer on from inside only. The blocks above have 169.254.169.254 (most of them), 169.254.170.2
        # (AWS), 100.100.100.200 (Alibaba) and 192.0.0.192 (Oracle).
        "168.63.129.16/32",  # Azure: learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
        # Google, as cloud.google.com/vpc/docs/configure-private-google-access has them
        *("199.36.153.4/30", "199.36.153.8/30"),
        *("161.26.0.0/16", "166.8.0.0/14"),  # IBM: cloud.ibm.com/docs/vpc?topic=vpc-service-endpoints-for-vpc
    )
)
# What a name look-up can be asked for (RFC 1123 §2.1, with the underscore that people use all the same).
_NAME = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
)
# Resolvers read these as an IPv4 address or not at all (WHATWG URL, "ends in a number").
_NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")


def is_public(address: str) -> bool:
    """Tell whether an IP address belongs to the internet at large rather than to some network's inside."""
    found = ip_address(address.partition("%")[0])
    if any(found in block for block in _NOT_PUBLIC):
        return False
    return isinstance(found, IPv4Address) or found in _GLOBAL_UNICAST


def read_url(url: str, *, allow_private: bool) -> str:
    """Check an address and write it the way it goes over the wire.

    Raises:
        InvalidInputError: It is not one to send to; the message says why.
    """
    try:
        parsed = httpx.URL(url)
        _refuse_strange(parsed, allow_private=allow_private)
    except (httpx.InvalidURL, ValueError) as error:
        raise InvalidInputError(f"url: {mask_text(str(error))}") from None
    written = str(parsed)
    if len(written) > MAX_URL_LENGTH:
        raise InvalidInputError(f"url: send one of at most {MAX_URL_LENGTH:,} characters as it goes over the wire")
    # A starred address would lead elsewhere, and one in clear would be kept.
    if any(mask_text(text) != text for text in (written, unquote(written))):
        raise InvalidInputError("url: it holds what reads as a card or account number, which is not kept")
    return written


def _refuse_strange(url: httpx.URL, *, allow_private: bool) -> None:
    """Refuse what names no host, and addresses it makes no sense to register; names are looked up at each delivery."""
    if url.scheme not in ("http", "https") or not url.raw_host:
        raise ValueError("send one that starts with https:// or http:// and names a host")
    if url.userinfo or url.fragment:
        raise ValueError("send one without user, password and fragment; deliveries are signed instead")
    if url.port is not None and not 1 <= url.port <= 65535:  # noqa: PLR2004  # RFC 9293 §3.1
        raise ValueError("its port is not between 1 and 65535")
    host = url.raw_host.decode("ascii")
    name = host.lower().removesuffix(".")
    if ":" not in name and (not _NAME.fullmatch(name) or (_NUMERIC.fullmatch(name) and not _is_dotted(name))):
        raise ValueError("its host is neither a name nor an IP address as they are usually written")
    for label in name.split("."):
        if label.startswith("xn--"):
            idna.decode(label)
    is_literal = ":" in name or _is_dotted(name)
    is_inside = not is_public(name) if is_literal else name.rpartition(".")[2] == "localhost"
    if is_inside and not allow_private:
        raise ValueError(f"{host}: {NOT_PUBLIC}")


def _is_dotted(host: str) -> bool:
    """Tell four decimal numbers from the octal, hexadecimal and short forms that resolvers take, too."""
    try:
        socket.inet_pton(socket.AF_INET, host)
    except OSError:
        return False
    return True
