"""Articles from files: a folder or an archive of pages, JSON, CSV, or a help centre's export."""

import errno
import os
import stat
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from pathlib import Path

from ticketflow.cli.article_archives import MAX_PAGE_BYTES, NO_FILE, bound_page, is_archive, read_archive
from ticketflow.cli.article_exports import read_export, read_table
from ticketflow.cli.article_pages import ReadPage, is_page, read_page
from ticketflow.cli.entries import read_entries, read_input
from ticketflow.errors import InvalidInputError
from ticketflow.markup.article_text import describe_left_out
from ticketflow.services.articles import check_article
from ticketflow.services.valid_text import UNSTORABLE
from ticketflow.storage.articles import NewArticle

_TABLES = (".csv", ".tsv")


@dataclass(frozen=True, slots=True)
class ArticleSource:
    """Articles read, and what could not be.

    Attributes:
        articles: With an external id each, no id twice.
        problems: One line for each file or entry that is no article.
        failures: Those of them that name something wrong: what is not meant for customers is left out rightly.
        unpublished_ids: The external ids of what is not meant for customers.
        notes: One line for each article of which something was left out.
    """

    articles: Sequence[NewArticle]
    problems: Sequence[str] = ()
    failures: Sequence[str] = ()
    unpublished_ids: Sequence[str] = ()
    notes: Sequence[str] = ()


def read_articles(path: Path) -> ArticleSource:
    """Read a folder, with its subfolders, or a file.

    Raises:
        InvalidInputError: There is nothing in it that could be an article.
    """
    found = list(_read_folder(path) if path.is_dir() else _read_single(path))
    if not found:
        raise InvalidInputError(f"{path}: holds no .md, .txt or .html file and no article")
    articles: dict[str, NewArticle] = {}
    problems, failures, notes = [], [], []
    for page in found:
        # A name may be anything, too: one line for each.
        place = page.place if page.place.isprintable() else ascii(page.place)
        if problem := _find_problem(page, articles):
            problems.append(f"{place}: {problem}")
            failures += problems[-1:] if page.unpublished_id is None else []
        elif page.article:
            articles[str(page.article.external_id)] = page.article
            left_out = describe_left_out(page.article.left_out)
            notes += [f"{place}: without {', '.join(left_out)}"] if left_out else []
    named = {page.unpublished_id for page in found if page.unpublished_id} - articles.keys()
    unpublished = sorted(each for each in named if not UNSTORABLE.search(each))
    return ArticleSource(tuple(articles.values()), problems, failures, unpublished, notes)


def _find_problem(page: ReadPage, before: Container[str]) -> str | None:
    """Say why something read is no article to import; ``None`` when it is."""
    if page.article is None:
        return page.problem
    try:
        check_article(page.article)
    except InvalidInputError as error:
        return str(error).removeprefix("body: ")
    external_id = page.article.external_id
    return f"the id {external_id!r} was there before" if external_id in before else None


def read_sample_articles() -> ArticleSource:
    """Read the articles that ship with Ticket Flow."""
    with as_file(files("ticketflow.samples") / "articles") as path:
        source = read_articles(path)
    # Named apart, so that an operator's own folder never overwrites them by accident.
    named = [replace(each, external_id=f"sample/{Path(str(each.external_id)).stem}") for each in source.articles]
    return replace(source, articles=named)


def _read_folder(folder: Path) -> Iterator[ReadPage]:
    unread: list[tuple[str, str]] = []
    for place, folders, names in os.walk(
        folder, onerror=lambda error: unread.append((str(error.filename), str(error.strerror)))
    ):
        folders.sort()
        here = Path(place)
        links = [name for name in folders if (here / name).is_symlink()]
        for name in (each for each in (*links, *sorted(names)) if each in links or is_page(each)):
            within = (here / name).relative_to(folder).as_posix()
            if not _is_hidden(within):
                yield read_page(within, NO_FILE if name in links else _read_file(here / name))
    yield from (ReadPage(place, problem=reason) for place, reason in unread)


def _read_single(path: Path) -> Iterator[ReadPage]:
    if is_archive(path):
        for name, page in read_archive(path):
            if not _is_hidden(name) and (is_page(name) or isinstance(page, str)):  # or may stand for a folder of pages
                yield read_page(name, page)
    elif is_page(path.name):
        yield read_page(path.name, _read_file(path.resolve()))
    else:
        text = read_input(str(path))
        is_table = path.suffix.lower() in _TABLES
        entries = read_table(path.name, text) if is_table else read_entries(str(path), text)
        yield from (replace(each, place=f"{path.name}, {each.place}") for each in read_export(entries))


def _read_file(path: Path) -> bytes | str:
    """Read a file, if it is one; a string says why it cannot be read."""
    try:
        # Neither follows a link that was put there just now nor waits for who writes into a pipe.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            is_file = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            return bound_page(file.read(MAX_PAGE_BYTES + 1)) if is_file else NO_FILE
    except OSError as error:
        return NO_FILE if error.errno in (errno.ELOOP, errno.ENXIO) else f"cannot be read: {error.strerror}"


def _is_hidden(name: str) -> bool:
    # What leads out of an archive begins with two dots, and is told of.
    parts = (part for part in Path(name).parts if not part.startswith(".."))
    return any(part.startswith((".", "__MACOSX", "node_modules")) for part in parts)
