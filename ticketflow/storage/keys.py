"""API keys: insert, find, list, revoke. Only digests of secrets ever get here."""

from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from ticketflow.errors import NotFoundError
from ticketflow.storage.models import ApiKey


def record_key(session: Session, key: ApiKey) -> None:
    """Insert a key."""
    session.add(key)
    session.flush()


def find_key(session: Session, key_id: str) -> ApiKey | None:
    """Read one key, revoked or not."""
    return session.get(ApiKey, key_id)


def list_keys(session: Session, tenant: str) -> Sequence[ApiKey]:
    """List a tenant's keys, oldest first, revoked ones too."""
    return session.scalars(select(ApiKey).where(ApiKey.tenant == tenant).order_by(ApiKey.created_at, ApiKey.id)).all()


def revoke_key(session: Session, tenant: str, key_id: str) -> ApiKey:
    """Mark a key revoked; revoking it again keeps the first instant.

    Raises:
        NotFoundError: This tenant has no such key.
    """
    key: ApiKey | None = session.scalar(
        update(ApiKey)
        .where(ApiKey.id == key_id, ApiKey.tenant == tenant)
        .values(revoked_at=func.coalesce(ApiKey.revoked_at, func.now()))
        .returning(ApiKey)
    )
    if key is None:
        raise NotFoundError(f"no key {key_id}; `ticketflow keys list` shows them")
    return key
