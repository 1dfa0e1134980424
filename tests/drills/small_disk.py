"""A disk of its own for a server, so that it can be full without hurting anybody else."""

import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

# Sparse: it takes next to nothing of the real disk. More than 20 GB, below which the alert looks at the trend.
SIZE_BYTES = 30 * 10**9
LEFT_BYTES = 10**9


class SmallDisk:
    """A file with a file system in it, mounted; needs root. Without, a plain folder that cannot be filled."""

    def __init__(self, folder: Path) -> None:
        """Choose where it is mounted."""
        self.folder = folder
        self.is_own = os.geteuid() == 0 and Path("/dev/loop-control").exists()
        self._image = folder.with_suffix(".img")

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True)
        if self.is_own:
            with self._image.open("wb") as image:
                image.truncate(SIZE_BYTES)
            subprocess.run(["mkfs.ext4", "-q", "-m", "0", self._image], check=True)
            subprocess.run(["mount", "-o", "loop", self._image, self.folder], check=True)
            self.folder.chmod(0o755)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.is_own:
            subprocess.run(["umount", "--lazy", self.folder], check=True)
            self._image.unlink()

    def fill(self, path: Path) -> None:
        """Make a file that takes all but a little of it; nothing is written."""
        stats = os.statvfs(self.folder)
        with path.open("wb") as ballast:
            os.posix_fallocate(ballast.fileno(), 0, stats.f_bavail * stats.f_frsize - LEFT_BYTES)
