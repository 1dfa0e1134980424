"""Pages out of a zip or tar file, as help centres export them; nothing is unpacked to disk."""

import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from lzma import LZMAError
from pathlib import Path, PureWindowsPath

from ticketflow.errors import InvalidInputError

ARCHIVES = (".zip", ".tar", ".tgz", ".gz")
# A page of words is far smaller; what is larger is something else, or made to fill the memory.
MAX_PAGE_BYTES = 5_000_000
MAX_PAGES = 50_000
NO_FILE = "a link or a device, and no file; links are not followed"
_DAMAGES = (zipfile.BadZipFile, tarfile.TarError, zlib.error, LZMAError, EOFError, OSError, RuntimeError, ValueError)


def is_archive(path: Path) -> bool:
    """Tell an archive by its name."""
    return path.suffix.lower() in ARCHIVES


def read_archive(path: Path) -> Iterator[tuple[str, bytes | str]]:
    """Read the files of an archive one by one; a string says why one cannot be read.

    Raises:
        InvalidInputError: It is no archive, is damaged before its first file, or holds too many files.
    """
    try:
        yield from _read_zip(path) if zipfile.is_zipfile(path) else _read_tar(path)
    except _DAMAGES as error:
        raise InvalidInputError(f"{path}: cannot be read as a zip or tar file: {error}") from None


def bound_page(page: bytes) -> bytes | str:
    """Return what was read of a page, or say that it is too large to be one."""
    return page if len(page) <= MAX_PAGE_BYTES else f"larger than {MAX_PAGE_BYTES:,} bytes, which no page of words is"


def _read_zip(path: Path) -> Iterator[tuple[str, bytes | str]]:
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        _bound(path, len(members))
        for member in members:
            # The upper half is the mode it had under Unix (zip's APPNOTE 4.4.15).
            if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
                yield member.filename, NO_FILE
                continue
            try:
                with archive.open(member) as file:
                    page = file.read(MAX_PAGE_BYTES + 1)
            except _DAMAGES as error:
                yield member.filename, f"cannot be read: {error}"
            else:
                yield member.filename, _find_stray(member.filename) or bound_page(page)


def _read_tar(path: Path) -> Iterator[tuple[str, bytes | str]]:
    number = 0
    try:
        with tarfile.open(path) as archive:
            for number, member in enumerate(archive, start=1):  # how far it got is told below
                _bound(path, number)
                if member.isdir():
                    continue
                file = archive.extractfile(member) if member.isfile() else None
                if file is None:
                    yield member.name, NO_FILE
                else:
                    yield member.name, _find_stray(member.name) or bound_page(file.read(MAX_PAGE_BYTES + 1))
    except _DAMAGES as error:
        if number == 0:
            raise
        yield path.name, f"cannot be read any further: {error}"


def _find_stray(name: str) -> str | None:
    """Say why a name is none of a file in this archive; nothing is unpacked, but names become ids."""
    parts = PureWindowsPath(name).parts
    is_stray = ".." in parts or PureWindowsPath(name).anchor or name.startswith("/")
    return "its name leads out of the archive" if is_stray else None


def _bound(path: Path, count: int) -> None:
    if count > MAX_PAGES:
        raise InvalidInputError(f"{path}: holds more than {MAX_PAGES} files")
