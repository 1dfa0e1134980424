"""What py-amqp and kombu do with a message's bytes before any code of ours sees it, made harmless.

Whoever may publish decides about these bytes, and RabbitMQ hands them on unread. An exception while they are read ends
a worker; the broker then gives the message to the next one. The libraries offer no hook, but look their functions up in
registries and module names, which are replaced here for the whole process.
"""

from typing import Any

from amqp import abstract_channel, serialization
from amqp.spec import Basic
from kombu import compression

from ticketflow.errors import PermanentError

_decode_properties = serialization.PROPERTY_CLASSES[Basic.CLASS_ID]


class LenientBytes(bytes):
    """Bytes whose parts are decoded whatever they are."""

    def __getitem__(self, place: Any) -> Any:
        """Return a part that is as lenient."""
        part = super().__getitem__(place)
        return LenientBytes(part) if isinstance(part, bytes) else part

    def decode(self, *_: Any) -> str:
        """Put a question mark where there is no UTF-8."""
        return super().decode(errors="replace")


def read_arguments(form: bytes, buffer: bytes, offset: int) -> tuple[list[Any], int]:
    """Read what comes with a method, such as the routing key of a delivery, which may not be UTF-8."""
    try:
        read: tuple[list[Any], int] = serialization.loads(form, buffer, offset)
    except UnicodeDecodeError:
        read = serialization.loads(form, LenientBytes(buffer), offset)
    return read


def decode_properties(buffer: bytes, offset: int) -> tuple[dict[str, Any], int]:
    """Read a message's properties; one whose tables cannot be read has none, and so is none of ours.

    Such are time stamps past the year 9999, types of other brokers and tables in tables in tables.
    """
    try:
        properties, end = _decode_properties(LenientBytes(buffer), offset)
    except Exception:  # noqa: BLE001  # whatever somebody else put there
        return {}, offset
    return properties, end


def refuse_compressed(_: bytes) -> bytes:
    """Unpack nothing: 100 KB become 100 MB, and no message of ours is compressed.

    Raises:
        PermanentError: Always; kombu keeps it with the message.
    """
    raise PermanentError("messages are never compressed")


def make_harmless() -> None:
    """Replace what chokes on strangers' bytes."""
    abstract_channel.loads = read_arguments
    serialization.PROPERTY_CLASSES[Basic.CLASS_ID] = decode_properties
    for name in compression.encoders():
        compression.register(None, refuse_compressed, name)
