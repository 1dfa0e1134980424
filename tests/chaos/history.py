"""The append-only file that says what happened: one JSON object a line, one ``write`` each."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class History:
    """Appends to the file; any number of processes may, also while others are killed."""

    def __init__(self, path: str | Path) -> None:
        """Open the file, making it if it is not there."""
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def record(self, what: str, **details: Any) -> None:
        """Append a line.

        ``at`` counts seconds since boot: the same clock in every process, and a jump of the wall clock
        leaves it alone.
        """
        line = {"at": round(time.monotonic(), 4), "what": what, **details}
        os.write(self._file, f"{json.dumps(line)}\n".encode())


def read_history(path: str | Path) -> Iterator[dict[str, Any]]:
    """Read the lines, oldest first, but for one that is just being written."""
    with Path(path).open() as lines:
        for line in lines:
            if line.endswith("\n"):
                yield json.loads(line)
