"""API keys: create, list, revoke, and find out who presents one.

A key reads ``tf_<id>_<secret>``. The id finds the row; the secret has 256 random bits, so a plain
SHA-256 of it is enough (no password hash is needed where there is nothing to guess).
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Any

from ticketflow.errors import InvalidInputError
from ticketflow.masking import mask_text
from ticketflow.services.views import describe_key
from ticketflow.storage.keys import find_key, list_keys, record_key, revoke_key
from ticketflow.storage.models import ApiKey
from ticketflow.storage.session import Sessions

PREFIX = "tf"
_NOBODY = hashlib.sha256(secrets.token_bytes()).digest()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request.

    Attributes:
        key_id: The key presented; names the caller in logs and scopes idempotency keys.
    """

    key_id: str
    tenant: str


def create_key(sessions: Sessions, name: str, tenant: str) -> str:
    """Make a key and return it; it cannot be shown again.

    Raises:
        InvalidInputError: The name is empty.
    """
    if not name.strip():
        raise InvalidInputError("name: give the key a name, such as the program that will use it")
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    key = ApiKey(id=key_id, tenant=tenant, name=mask_text(name.strip()), secret_sha256=_digest(secret))
    with sessions.begin() as session:
        record_key(session, key)
    return f"{PREFIX}_{key_id}_{secret}"


def read_keys(sessions: Sessions, tenant: str) -> list[dict[str, Any]]:
    """Show a tenant's keys, oldest first, without secrets."""
    with sessions() as session:
        return [describe_key(key) for key in list_keys(session, tenant)]


def end_key(sessions: Sessions, key_id: str, tenant: str) -> dict[str, Any]:
    """Revoke a key; takes effect with the next request.

    Raises:
        NotFoundError: There is no such key.
    """
    with sessions.begin() as session:
        return describe_key(revoke_key(session, tenant, key_id))


def find_caller(sessions: Sessions, presented: str) -> Caller | None:
    """Tell who presents a key; ``None`` for a wrong, unknown or revoked one alike.

    The comparison takes the same time whether the id exists or not.
    """
    prefix, _, rest = presented.partition("_")
    key_id, _, secret = rest.partition("_")
    with sessions() as session:
        key = find_key(session, key_id) if prefix == PREFIX else None
    expected = key.secret_sha256 if key else _NOBODY
    is_right = hmac.compare_digest(expected, _digest(secret))
    if key is None or not is_right or key.revoked_at is not None:
        return None
    return Caller(key.id, key.tenant)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
