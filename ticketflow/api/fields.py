"""Field types shared by the schemas: what a line, a text and an instant may be."""

import json
from datetime import datetime
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from ticketflow.services.valid_text import CONTROL
from ticketflow.settings import is_timezone

_YEARS = range(1970, 9999)
MAX_EMAIL_LENGTH = 254  # RFC 5321 §4.5.3.1.3, less the angle brackets
MAX_METADATA_BYTES = 16 * 1024
MAX_VERSION = 2**31 - 1  # PostgreSQL's integer


class ShownSchema(Schema):
    """Part of an answer; a later version may add fields, and callers are told so."""

    class Meta:
        """Keeps ``additionalProperties: false`` out of the description."""

        unknown = EXCLUDE


class Line(fields.String):
    """One line of text, taken without the blanks around it."""

    def __init__(self, longest: int, **options: Any) -> None:
        """Allow up to ``longest`` characters, and at least one."""
        super().__init__(validate=[validate.Length(1, longest), _refuse_controls], **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return super()._deserialize(value, attr, data, **kwargs).strip()


class LongText(fields.String):
    """Text of any number of lines, taken as it is, but never blank."""

    def __init__(self, longest: int, **options: Any) -> None:
        """Allow up to ``longest`` characters."""
        super().__init__(validate=[validate.Length(1, longest), _refuse_blank], **options)


class Instant(fields.AwareDateTime):
    """An RFC 3339 instant; one without an offset means nothing and is refused."""

    default_error_messages = {"invalid": "Not an instant; write it like 2026-01-31T09:30:00Z."}  # noqa: RUF012  # as there

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        if not isinstance(value, str):
            raise self.make_error("invalid", input=value)
        instant: datetime = super()._deserialize(value, attr, data, **kwargs)
        if instant.year not in _YEARS:
            raise ValidationError(f"The year must be between {_YEARS.start} and {_YEARS.stop - 1}.")
        return instant


class TimeZone(fields.String):
    """IANA name of a time zone."""

    def __init__(self, **options: Any) -> None:
        """Take names this machine knows."""
        super().__init__(validate=_refuse_unknown_timezone, **options)


def shown_instant(description: str, **options: Any) -> fields.String:
    """Build the field of an instant in an answer; services write them out already."""
    return fields.String(metadata={"description": description, "format": "date-time"}, **options)


def shown_request_id() -> fields.String:
    """Build the field of the request a ticket came with."""
    described = {"description": "The request its ticket came with: its `X-Request-ID`, or the id it was given."}
    return fields.String(required=True, allow_none=True, metadata=described)


def refuse_large_metadata(metadata: dict[str, Any]) -> None:
    """Keep metadata small enough to travel with every answer."""
    if len(json.dumps(metadata, ensure_ascii=False).encode()) > MAX_METADATA_BYTES:
        raise ValidationError(f"Must not be larger than {MAX_METADATA_BYTES} bytes as JSON.")


def _refuse_controls(value: str) -> None:
    if CONTROL.search(value):
        raise ValidationError("Must be one line without control characters.")


def _refuse_unknown_timezone(value: str) -> None:
    if not is_timezone(value):
        raise ValidationError("Must be the IANA name of a time zone, such as Europe/Berlin.")


def _refuse_blank(value: str) -> None:
    if not value.strip():
        raise ValidationError("Must not be blank.")
