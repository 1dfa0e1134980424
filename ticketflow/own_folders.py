"""Folders among the system's temporary files that go with their processes, however those end."""

import atexit
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "ticketflow-"
# Whoever made a folder, and every child it has forked since, holds its lock; when the last of them has ended, however,
# the kernel lets go of it. Process ids would prove nothing: they come again, and each container counts its own.
_held: dict[Path, int] = {}


def keep_folder(purpose: str) -> Path:
    """Make a folder that is removed when this process ends; if it is killed, by the next one that makes such a folder.

    Args:
        purpose: Stands in the folder's name.
    """
    folder = _make(f"{_PREFIX}{purpose}-")
    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:  # not a forked child, which runs this when it ends, too
            _remove(folder)

    atexit.register(remove)
    return folder


@contextmanager
def temporary_folder(purpose: str) -> Iterator[Path]:
    """Make a folder for a moment; if the process is killed in it, the next one that makes such a folder removes it."""
    folder = _make(f"{_PREFIX}{purpose}-")
    try:
        yield folder
    finally:
        _remove(folder)


def _make(prefix: str) -> Path:
    """Make a folder and take its lock; if another process that cleans up comes in between, make another folder."""
    _remove_left_behind(prefix)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix))
        with suppress(FileNotFoundError):
            lock = _open(folder)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                _held[folder] = lock
                return folder
            os.close(lock)


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.close(_held.pop(folder))


def _remove_left_behind(prefix: str) -> None:
    """Remove what nobody holds any more, of this account's: others' may not be opened, or are none of our business."""
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with suppress(OSError):
            lock = _open(folder)
            try:
                if os.fstat(lock).st_uid == os.geteuid():
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def _open(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
