"""The embedded broker: kombu's filesystem transport with its holes mended.

kombu 5.7 creates a message's file under its final name and writes it afterwards; a consumer that
looks in between takes an empty file, and the message is gone. Here a file gets its final name when
it is complete.

It also ends whoever reads a file that is no message, and knows no dead letters. Here such a file is
put aside, and what a worker rejects goes where RabbitMQ would send it.
"""

import os
import stat
import time
from pathlib import Path
from queue import Empty
from typing import Any
from uuid import uuid4

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps, loads
from pydantic import BaseModel, ConfigDict, Field

from ticketflow.observability.logging import get_logger
from ticketflow.tasks.kept_queue import DEAD_LETTERS

log = get_logger(__name__)

SCHEME = "folder"
# The largest that a worker can make into a request, written in Base64, and its headers.
MAX_FILE_BYTES = 1_048_576


class _Place(BaseModel):
    """The exchange and routing key of a message."""

    exchange: str
    routing_key: str


class _Properties(BaseModel):
    """What the transport itself needs of a message's properties."""

    model_config = ConfigDict(extra="ignore")

    delivery_info: _Place
    delivery_tag: str = Field(default_factory=lambda: str(uuid4()))
    body_encoding: str | None = None
    correlation_id: str | None = None
    reply_to: str | None = None


class _File(BaseModel):
    """A message as it lies in the folder."""

    body: str
    properties: _Properties
    headers: dict[str, Any] = {}
    content_type: str | None = Field(None, alias="content-type")
    content_encoding: str | None = Field(None, alias="content-encoding")


class Channel(filesystem.Channel):
    """kombu's channel with atomic writes, dead letters, and patience with files that are no messages."""

    def _put(self, queue: str, payload: Any, **_: Any) -> None:
        """Write beside the queue, then rename into it."""
        folder = Path(self.data_folder_out)
        name = f"{time.monotonic_ns() // 1_000_000}_{uuid4()}.{queue}.msg"
        unfinished = folder / f".{name}.part"
        unfinished.write_text(dumps(payload))
        unfinished.replace(folder / name)

    def _get(self, queue: str) -> dict[str, Any]:
        """Take the oldest message of a queue; what is none is dropped, and so is its file.

        Raises:
            Empty: There is no message.
        """
        for name in sorted(os.listdir(self.data_folder_in)):  # noqa: PTH208  # as often as a hundred times a second
            if name.partition(".")[2] == f"{queue}.msg" and (message := self._take(Path(self.data_folder_in) / name)):
                return message
        raise Empty

    def _take(self, path: Path) -> dict[str, Any] | None:
        """Read a file and remove it; ``None`` if another consumer has taken it, or if it is no message."""
        mine = path.with_name(f".{path.name}.{uuid4()}")
        try:
            path.rename(mine)
        except OSError:
            return None
        try:
            message = read_message(mine)
            self.Message(message, channel=self)
        except Exception as error:  # noqa: BLE001  # whatever somebody else put there
            log.warning("message.unreadable", queue=path.name.split(".", 1)[1], error=type(error).__name__)
            message = None
        return message

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:  # noqa: FBT001, FBT002  # kombu's own
        """Give a message back, or send it to the dead letters as RabbitMQ does."""
        if not requeue and (message := self.qos._delivered.get(delivery_tag)) is not None:  # noqa: SLF001
            letter = message.serializable()
            letter["headers"]["x-death"] = [{"reason": "rejected", "queue": message.delivery_info["routing_key"]}]
            self._put(DEAD_LETTERS, letter)
        super().basic_reject(delivery_tag, requeue=requeue)

    def get_table(self, exchange: str) -> list[Any]:
        """Read which queues an exchange sends to.

        Raises:
            ChannelError: Its file was broken, as after a crash, and is gone: whoever declares queues writes another.
        """
        try:
            return list(super().get_table(exchange))
        except (ValueError, TypeError) as error:
            self._exchange_file(exchange).unlink(missing_ok=True)
            self.state.clear()  # which remembers what need not be declared again
            raise ChannelError(f"exchange {exchange} had a broken file") from error

    def _queue_bind(self, exchange: str, *args: Any) -> None:
        """Bind a queue; a broken file is written anew."""
        try:
            super()._queue_bind(exchange, *args)
        except (ValueError, TypeError):
            self._exchange_file(exchange).unlink(missing_ok=True)
            super()._queue_bind(exchange, *args)


class Transport(filesystem.Transport):
    """kombu's transport with our channel."""

    Channel = Channel


def read_message(path: Path) -> dict[str, Any]:
    """Read a message's file, which is gone afterwards.

    Raises:
        Exception: It is no message: the file may hold anything.
    """
    if not stat.S_ISREG(path.lstat().st_mode):
        raise ValueError("no file")
    with path.open("rb") as file:
        path.unlink()
        written = file.read(MAX_FILE_BYTES + 1)
    if len(written) > MAX_FILE_BYTES:
        raise ValueError("too long")
    message = _File.model_validate(loads(written.decode())).model_dump(by_alias=True)
    message["properties"]["delivery_tag"] = str(uuid4())  # two files may say the same
    return message


TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"
