"""Articles from files: a folder or an archive of Markdown, text and HTML, JSON lines, or a help centre's export."""

import errno
import os
import re
import stat
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import yaml

from ticketflow.cli.article_archives import MAX_PAGE_BYTES, NO_FILE, bound_page, is_archive, read_archive
from ticketflow.cli.entries import Entry, decode, read_entries, read_input
from ticketflow.errors import InvalidInputError
from ticketflow.services.articles import check_article
from ticketflow.services.html_text import HtmlText
from ticketflow.storage.articles import NewArticle

_MARKDOWN = (".md", ".markdown")
_HTML = (".html", ".htm")
_SUFFIXES = (*_MARKDOWN, *_HTML, ".txt")
_FENCE = "---"
_HTML_TAG = re.compile(r"</(?:p|div|li|h\d|a|strong|b|span|td|ol|ul)>|<br\s*/?>", re.IGNORECASE)
LONGEST_TITLE = 200
# Title and tags; what is longer is no front matter, whatever stands around it.
MAX_HEAD_CHARACTERS = 10_000


@dataclass(frozen=True, slots=True)
class ArticleSource:
    """Articles read, and what could not be.

    Attributes:
        articles: With an external id each, no id twice.
        problems: One line for each file or entry that is no article.
    """

    articles: Sequence[NewArticle]
    problems: Sequence[str]


def read_articles(path: Path) -> ArticleSource:
    """Read a folder, with its subfolders, or a file.

    Raises:
        InvalidInputError: There is nothing in it that could be an article.
    """
    found = list(_read_folder(path) if path.is_dir() else _read_single(path))
    if not found:
        raise InvalidInputError(f"{path}: holds no .md, .txt or .html file and no article")
    articles: dict[str, NewArticle] = {}
    problems = []
    for place, article in found:
        if problem := _find_problem(article, articles):
            # A name may be anything, too: one line for each.
            problems.append(f"{place if place.isprintable() else ascii(place)}: {problem}")
        elif isinstance(article, NewArticle):
            articles[str(article.external_id)] = article
    return ArticleSource(tuple(articles.values()), problems)


def _find_problem(article: NewArticle | str, before: Container[str]) -> str | None:
    """Say why something read is no article to import; ``None`` when it is."""
    if isinstance(article, str):
        return article
    try:
        check_article(article)
    except InvalidInputError as error:
        return str(error).removeprefix("body: ")
    return f"the id {article.external_id!r} was there before" if article.external_id in before else None


def read_sample_articles() -> ArticleSource:
    """Read the articles that ship with Ticket Flow."""
    with as_file(files("ticketflow.samples") / "articles") as path:
        source = read_articles(path)
    # Named apart, so that an operator's own folder never overwrites them by accident.
    named = [replace(each, external_id=f"sample/{Path(str(each.external_id)).stem}") for each in source.articles]
    return ArticleSource(named, source.problems)


def _read_folder(folder: Path) -> Iterator[tuple[str, NewArticle | str]]:
    unread: list[tuple[str, str]] = []
    for place, folders, names in os.walk(
        folder, onerror=lambda error: unread.append((str(error.filename), str(error.strerror)))
    ):
        folders.sort()
        here = Path(place)
        links = [name for name in folders if (here / name).is_symlink()]
        for name in (each for each in (*links, *sorted(names)) if each in links or _is_page(each)):
            within = (here / name).relative_to(folder).as_posix()
            if not _is_hidden(within):
                yield within, NO_FILE if name in links else _read_page(within, _read_file(here / name))
    yield from unread


def _read_single(path: Path) -> Iterator[tuple[str, NewArticle | str]]:
    if is_archive(path):
        yield from ((name, _read_page(name, page)) for name, page in read_archive(path) if _is_wanted(name, page))
    elif path.suffix.lower() in _SUFFIXES:
        yield path.name, _read_page(path.name, _read_file(path.resolve()))
    else:
        for entry in _open_export(read_entries(str(path), read_input(str(path)))):
            yield f"{path.name}, {entry.place}", _build_from_entry(entry)


def _read_file(path: Path) -> bytes | str:
    """Read a file, if it is one; a string says why it cannot be read."""
    try:
        # Neither follows a link that was put there just now nor waits for who writes into a pipe.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            is_file = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            return bound_page(file.read(MAX_PAGE_BYTES + 1)) if is_file else NO_FILE
    except OSError as error:
        return NO_FILE if error.errno in (errno.ELOOP, errno.ENXIO) else f"cannot be read: {error.strerror}"


def _is_page(name: str) -> bool:
    return Path(name).suffix.lower() in _SUFFIXES


def _is_hidden(name: str) -> bool:
    # What leads out of an archive begins with two dots, and is told of.
    parts = (part for part in Path(name).parts if not part.startswith(".."))
    return any(part.startswith((".", "__MACOSX")) for part in parts)


def _is_wanted(name: str, page: bytes | str) -> bool:
    """Tell pages of an archive, and what may stand for folders of them."""
    return not _is_hidden(name) and (_is_page(name) or isinstance(page, str))


def _open_export(entries: list[Entry]) -> list[Entry]:
    """Take the articles out of a help centre's export, which is one object that lists them."""
    content = entries[0].content or {}
    listed = content.get("articles")
    if len(entries) > 1 or not isinstance(listed, list):
        return entries
    return [
        Entry(f"article {number}", {"format": "auto", **each})
        if isinstance(each, dict)
        else Entry(f"article {number}", None, "not a JSON object")
        for number, each in enumerate(listed, start=1)
    ]


def _read_page(name: str, page: bytes | str) -> NewArticle | str:
    """Read one file; a string says why it is no article."""
    if isinstance(page, str):
        return page
    try:
        return _build_from_text(decode(page, "the file").replace("\r\n", "\n"), name)
    except (InvalidInputError, yaml.YAMLError, RecursionError) as error:
        return " ".join(str(error).split())


def _build_from_text(text: str, name: str) -> NewArticle:
    suffix = Path(name).suffix.lower()
    head: dict[str, Any] = {}
    if suffix in _HTML:
        page = HtmlText(text)
        head, text = {"title": page.title}, page.text
    elif suffix in _MARKDOWN:
        head, text = split_front_matter(text)
    text = text.strip()
    title = head.get("title") or _find_title(text, suffix) or Path(name).stem.replace("-", " ").replace("_", " ")
    if not isinstance(title, str):
        raise InvalidInputError("title: must be text")
    return NewArticle(title=_one_line(title), body=text, tags=_read_tags(head.get("tags")), external_id=name)


class _Head(yaml.BaseLoader):
    """Reads words as they stand. Nothing stands for anything else, so that nothing grows."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise InvalidInputError("front matter: an alias (*name) has no place there")
        return super().compose_node(parent, index)


def split_front_matter(text: str) -> tuple[dict[str, Any], str]:
    """Take the YAML between two ``---`` lines off the top of a Markdown text.

    Raises:
        InvalidInputError: It is YAML, but not names with values.
        yaml.YAMLError: It is not even YAML.
    """
    first, _, rest = text.partition("\n")
    head, fence, body = rest.partition(f"\n{_FENCE}\n")
    if first.rstrip() != _FENCE or not fence:
        return {}, text
    if len(head) > MAX_HEAD_CHARACTERS:
        raise InvalidInputError(f"front matter: longer than {MAX_HEAD_CHARACTERS:,} characters")
    named = yaml.load(head, _Head) or {}  # noqa: S506  # knows nothing but text, lists and mappings
    if not isinstance(named, dict):
        raise InvalidInputError("what stands between the --- lines is not `name: value`")
    return named, body


def _find_title(text: str, suffix: str) -> str | None:
    """Return a heading, or the first line of a plain text if it is short enough to be one."""
    first = text.partition("\n")[0].strip()
    if suffix in _MARKDOWN:
        return first.lstrip("#").strip() if first.startswith("#") else None
    return first if len(first) <= LONGEST_TITLE else None


def _build_from_entry(entry: Entry) -> NewArticle | str:
    """Make an article of a JSON object; a string says why there is none."""
    if entry.content is None:
        return entry.problem or ""
    external_id = entry.content.get("external_id", entry.content.get("id"))
    title, body = entry.content.get("title", entry.content.get("name")), _read_body(entry.content)
    if not isinstance(external_id, str | int) or external_id == "":
        return "external_id or id: must be there, so that importing again changes nothing"
    if not isinstance(title, str) or not title.strip():
        return "title: must be text"
    if entry.content.get("draft") is True:
        return "left out, because it is a draft"
    if not body:
        return "body (or answers, a list of texts): there is no text in it"
    tags = _read_tags(entry.content.get("tags", entry.content.get("label_names")))
    return NewArticle(title=_one_line(title), body=body, tags=tags, external_id=str(external_id))


def _read_body(content: dict[str, Any]) -> str:
    answers = content.get("answers")
    parts = answers if isinstance(answers, list) else [content.get("body")]
    text = "\n\n".join(part.strip() for part in parts if isinstance(part, str)).strip()
    is_html = content.get("format") == "html" or (content.get("format") == "auto" and _HTML_TAG.search(text))
    return HtmlText(text).text if is_html else text


def _read_tags(tags: object) -> tuple[str, ...]:
    """Take a list, or words between commas."""
    parts = tags.split(",") if isinstance(tags, str) else tags
    return tuple(str(part).strip() for part in parts if str(part).strip()) if isinstance(parts, list) else ()


def _one_line(title: str) -> str:
    return " ".join(title.split())
