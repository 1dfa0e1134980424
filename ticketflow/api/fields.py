"""Field types shared by the schemas: what a line, a text and an instant may be."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from ticketflow.mail.decoding import decode_body
from ticketflow.services.valid_text import CONTROL
from ticketflow.services.views import instant
from ticketflow.settings import is_timezone

_YEARS = range(1970, 9999)
# RFC 3339 §5.6. A leap second is the first of the next minute here.
_INSTANT = re.compile(
    r"(?P<start>[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}):(?P<second>[0-5][0-9]|60)(?P<fraction>\.[0-9]+)?"
    r"(?P<offset>[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_LAST_SECOND = 59
# RFC 8259 §6.
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,3})?")
_CLOCK_SKEW = timedelta(minutes=5)
MAX_EMAIL_LENGTH = 254  # RFC 5321 §4.5.3.1.3, less the angle brackets
MAX_METADATA_BYTES = 16 * 1024
MAX_VERSION = 2**31 - 1  # PostgreSQL's integer


class ShownSchema(Schema):
    """Part of an answer; a later version may add fields, and callers are told so."""

    class Meta:
        """Keeps ``additionalProperties: false`` out of the description."""

        unknown = EXCLUDE


def _refuse_if(is_wrong: Callable[[str], object], message: str) -> Callable[[str], None]:
    """Build a validator of one rule."""

    def check(value: str) -> None:
        if is_wrong(value):
            raise ValidationError(message)

    return check


class Line(fields.String):
    """One line of text, taken without the blanks around it."""

    def __init__(self, longest: int, shortest: int = 1, **options: Any) -> None:
        """Allow up to ``longest`` characters, and at least ``shortest``."""
        one_line = _refuse_if(CONTROL.search, "Must be one line without control characters.")
        super().__init__(validate=[validate.Length(shortest, longest), one_line], **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return super()._deserialize(value, attr, data, **kwargs).strip()


class LongText(fields.String):
    """Text of any number of lines, taken as it is, but never blank."""

    def __init__(self, longest: int, **options: Any) -> None:
        """Allow up to ``longest`` characters."""
        not_blank = _refuse_if(lambda text: not text.strip(), "Must not be blank.")
        super().__init__(validate=[validate.Length(1, longest), not_blank], **options)


class MailText(fields.String):
    """Text of any number of lines, or none, plain or as mail programs pack it; its length counts unpacked."""

    def __init__(self, longest: int, **options: Any) -> None:
        """Allow up to ``longest`` characters for a person to read."""
        bounded = _refuse_if(
            lambda text: len(text) > longest and len(decode_body(text)[0]) > longest,
            f"Longer than maximum length {longest}.",
        )
        super().__init__(validate=bounded, **options)


class Instant(fields.AwareDateTime):
    """An RFC 3339 instant, by its grammar and no other; one without an offset means nothing and is refused."""

    default_error_messages = {"invalid": "Not an instant; write it like 2026-01-31T09:30:00Z."}  # noqa: RUF012  # as there

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        parts = _INSTANT.fullmatch(value) if isinstance(value, str) else None
        if parts is None:
            raise self.make_error("invalid", input=value)
        second = min(int(parts["second"]), _LAST_SECOND)
        leap = timedelta(seconds=int(parts["second"]) - second)
        written = f"{parts['start']}:{second:02}{(parts['fraction'] or '')[:7]}{parts['offset']}".upper()
        try:
            instant: datetime = super()._deserialize(written, attr, data, **kwargs) + leap
        except OverflowError:
            raise self.make_error("invalid", input=value) from None
        if instant.year not in _YEARS:
            raise ValidationError(f"The year must be between {_YEARS.start} and {_YEARS.stop - 1}.")
        return instant


class WholeNumber(fields.Integer):
    """An integer as JSON writes it: Python would take ``1_0``, blanks and the digits of every script, too."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        _refuse_other_numbers(self, value, _INTEGER)
        return super()._deserialize(value, attr, data, **kwargs)


class Number(fields.Float):
    """A number as JSON writes it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> float:
        _refuse_other_numbers(self, value, _NUMBER)
        return super()._deserialize(value, attr, data, **kwargs)


class Truth(fields.Boolean):
    """``true`` or ``false``; to Python 0 and 1 are the same."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:  # noqa: ARG002  # as there
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


def refuse_repeats(values: list[str]) -> None:
    """Take each value of a list once."""
    if len(set(values)) < len(values):
        raise ValidationError("Must not name anything twice.")


def _refuse_other_numbers(field: fields.Field[Any], value: Any, grammar: re.Pattern[str]) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number and not (isinstance(value, str) and grammar.fullmatch(value)):
        raise field.make_error("invalid", input=value)


class TimeZone(fields.String):
    """IANA name of a time zone."""

    def __init__(self, **options: Any) -> None:
        """Take names this machine knows."""
        known = _refuse_if(
            lambda name: not is_timezone(name), "Must be the IANA name of a time zone, such as Europe/Berlin."
        )
        super().__init__(validate=known, **options)


class ShownInstant(fields.String):
    """An instant in an answer, whether or not it is written out already."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        written = instant(value) if isinstance(value, datetime) else value
        return super()._serialize(written, attr, obj, **kwargs)


def shown_instant(description: str, **options: Any) -> ShownInstant:
    """Build the field of an instant in an answer."""
    return ShownInstant(metadata={"description": description, "format": "date-time"}, **options)


def shown_request_id() -> fields.String:
    """Build the field of the request a ticket came with."""
    described = {"description": "The request its ticket came with: its `X-Request-ID`, or the id it was given."}
    return fields.String(required=True, allow_none=True, metadata=described)


def refuse_large_metadata(metadata: dict[str, Any]) -> None:
    """Keep metadata small enough to travel with every answer."""
    if len(json.dumps(metadata, ensure_ascii=False).encode()) > MAX_METADATA_BYTES:
        raise ValidationError(f"Must not be larger than {MAX_METADATA_BYTES} bytes as JSON.")


def refuse_future(received_at: datetime) -> None:
    """Take what has come in already, by any clock a little off ours."""
    if received_at > datetime.now(UTC) + _CLOCK_SKEW:
        raise ValidationError("Must not lie in the future.")
