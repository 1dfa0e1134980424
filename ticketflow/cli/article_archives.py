"""Pages out of a zip or tar file, as help centres export them; nothing is unpacked to disk."""

import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from ticketflow.errors import InvalidInputError

ARCHIVES = (".zip", ".tar", ".tgz", ".gz")
# A page of words is far smaller; what is larger is something else, or made to fill the memory.
MAX_PAGE_BYTES = 5_000_000
MAX_PAGES = 50_000


def is_archive(path: Path) -> bool:
    """Tell an archive by its name."""
    return path.suffix.lower() in ARCHIVES


def read_archive(path: Path) -> Iterator[tuple[str, bytes | None]]:
    """Read the files of an archive one by one; ``None`` stands for one too large to be a page.

    Raises:
        InvalidInputError: It is no archive, is damaged, or holds too many files.
    """
    try:
        yield from _read_zip(path) if zipfile.is_zipfile(path) else _read_tar(path)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError, RuntimeError) as error:
        raise InvalidInputError(f"{path}: cannot be read as a zip or tar file: {error}") from None


def _read_zip(path: Path) -> Iterator[tuple[str, bytes | None]]:
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        _bound(path, len(members))
        for member in members:
            with archive.open(member) as page:
                yield member.filename, _bounded(page.read(MAX_PAGE_BYTES + 1))


def _read_tar(path: Path) -> Iterator[tuple[str, bytes | None]]:
    with tarfile.open(path) as archive:
        for number, member in enumerate(archive, start=1):
            _bound(path, number)
            page = archive.extractfile(member) if member.isfile() else None
            if page is not None:
                yield member.name, _bounded(page.read(MAX_PAGE_BYTES + 1))


def _bounded(page: bytes) -> bytes | None:
    return page if len(page) <= MAX_PAGE_BYTES else None


def _bound(path: Path, count: int) -> None:
    if count > MAX_PAGES:
        raise InvalidInputError(f"{path}: holds more than {MAX_PAGES} files")
