"""Row ids: UUIDv7, so that ids sort by time and index pages fill in order."""

from datetime import datetime
from uuid import UUID

from uuid_utils.compat import uuid7

_AFTER_THE_TIME = 80  # bits


def new_id() -> UUID:
    """Make a UUIDv7 (RFC 9562 §5.7)."""
    return uuid7()


def first_id_at(instant: datetime) -> UUID:
    """Return the bound between the ids made before an instant and those made from then on."""
    return UUID(int=int(instant.timestamp() * 1000) << _AFTER_THE_TIME)
