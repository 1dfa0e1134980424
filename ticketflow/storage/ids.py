"""Row ids: UUIDv7, so that ids sort by time and index pages fill in order."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """Make a UUIDv7 (RFC 9562 §5.7)."""
    return uuid7()
