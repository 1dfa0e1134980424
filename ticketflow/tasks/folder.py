"""The embedded broker: kombu's filesystem transport with one hole mended.

kombu 5.7 creates a message's file under its final name and writes it afterwards; a consumer that
looks in between takes an empty file, and the message is gone. Here a file gets its final name when
it is complete.
"""

import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps

SCHEME = "folder"


class Channel(filesystem.Channel):
    """kombu's channel with atomic writes."""

    def _put(self, queue: str, payload: Any, **_: Any) -> None:
        """Write beside the queue, then rename into it."""
        folder = Path(self.data_folder_out)
        name = f"{time.monotonic_ns() // 1_000_000}_{uuid4()}.{queue}.msg"
        unfinished = folder / f".{name}.part"
        unfinished.write_text(dumps(payload))
        unfinished.replace(folder / name)


class Transport(filesystem.Transport):
    """kombu's transport with our channel."""

    Channel = Channel


TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"
