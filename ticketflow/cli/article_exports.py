"""The exports of help centres: JSON of any of them, lists of questions and answers, and tables of either."""

import csv
import html
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ticketflow.cli.article_pages import ReadPage, one_line, read_tags
from ticketflow.cli.entries import Entry
from ticketflow.errors import InvalidInputError
from ticketflow.markup.article_text import Format, read_article
from ticketflow.markup.publication import find_unpublished
from ticketflow.storage.articles import NewArticle

# Where exports keep their entries: Zendesk, Intercom, Help Scout, Chatwoot, Confluence, Directus, schema.org.
_LISTS = (
    "articles",
    "data",
    "items",
    "payload",
    "results",
    "entries",
    "documents",
    "posts",
    "pages",
    "faqs",
    "faq",
    "questions",
    "solutions",
    "records",
    "hits",
    "mainEntity",
)
# What products call the same thing, the surest first. Dots lead into an object.
_IDS = ("external_id", "id", "_id", "uuid", "article_id", "number", "slug")
_TITLES = ("title", "name", "question", "subject", "headline", "title.rendered")
_BODIES = (
    "body",
    "answers",
    "answer",
    "text",
    "content",
    "description",
    "html",
    "body_html",
    "html_body",
    "html_content",
    "article_body",
    "articleBody",
    "body.storage.value",
    "body.view.value",
    "content.rendered",
    "acceptedAnswer.text",
    "answer.text",
    "description_text",
)
_TAGS = ("tags", "label_names", "labels", "keywords")
_LOCALES = ("locale", "language", "lang")
_WRAPPED = ("article", "attributes", "properties", "fields")
_HTML_TAG = re.compile(r"</(?:p|div|li|h\d|a|strong|em|b|i|span|td|ol|ul|code|pre)>|<br\s*/?>|<img\s", re.IGNORECASE)
_HTML_START = re.compile(r"\s*<(?:!doctype|!--|[a-z][a-z0-9:-]*[\s>/])", re.IGNORECASE)
_MARKDOWN = re.compile(r"^(?:#{1,6} |[-*] |\d{1,3}\. |```|> )|\]\([^)\n]{1,300}\)|\*\*[^*\n]{1,200}\*\*", re.MULTILINE)
_REFERENCE = re.compile(r"&(?:#\d{1,7}|\w{1,30});")
_LONGEST_ID = 200
_DELIMITERS = (",", ";", "\t", "|")


class _Fields:
    """What an entry of an export says, whatever its product calls it."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.content = dict(content)
        for name in _WRAPPED:
            inner = self.content.get(name)
            self.content.update(inner if isinstance(inner, dict) else {})

    def find(self, names: Sequence[str]) -> Any:
        """Return the first of these fields that says something."""
        for name in names:
            value: Any = self.content
            for part in name.split("."):
                value = value.get(part) if isinstance(value, dict) else None
            if value not in (None, "", [], {}) and not ("." not in name and isinstance(value, dict)):
                return value
        return None

    def find_text(self, names: Sequence[str]) -> str:
        """Return the first of these fields if it is text."""
        found = self.find(names)
        return found if isinstance(found, str) else ""

    @property
    def title(self) -> str:
        """On one line; some exports write it as HTML."""
        title = self.find_text(_TITLES)
        return one_line(html.unescape(title) if _REFERENCE.search(title) else title)

    @property
    def body(self) -> str:
        """Of several answers all."""
        found = self.find(_BODIES)
        parts = found if isinstance(found, list) else [found]
        return "\n\n".join(part.strip() for part in parts if isinstance(part, str)).strip()

    @property
    def external_id(self) -> str:
        """An entry's own id; of a question with its answer the question."""
        found = self.find(_IDS)
        if isinstance(found, str | int) and not isinstance(found, bool):
            return str(found)
        is_pair = "question" in self.content or self.content.get("@type") == "Question"
        return self.title[:_LONGEST_ID] if is_pair else ""

    @property
    def format(self) -> Format:
        """How the body is written, by what the entry says, else by how it looks."""
        named = str(self.content.get("format", "")).lower()
        if named in {"html", "markdown", "mdx", "rst", "text"}:
            return named  # type: ignore[return-value]  # one of these
        body = self.body
        is_html = _HTML_START.match(body) or (_HTML_TAG.search(body) and not _MARKDOWN.search(body))
        return "html" if is_html else "markdown"

    def list_languages(self) -> Iterator["_Fields"]:
        """List the entry as it is, and then in each other language that it has in itself (Intercom, Zendesk)."""
        translated, translations = (self.content.pop(name, None) for name in ("translated_content", "translations"))
        named = translated.items() if isinstance(translated, dict) else []
        others = [{"locale": name, **text} for name, text in named if isinstance(text, dict)]
        others += [each for each in translations if isinstance(each, dict)] if isinstance(translations, list) else []
        if self.find(_BODIES) is not None or not others:
            yield self
        own = self.find_text(("locale", "default_locale", "language"))
        for other in others:
            if other.get("locale") != own:
                yield _Fields({**self.content, **{name: value for name, value in other.items() if name not in _IDS}})


def read_export(entries: Sequence[Entry]) -> Iterator[ReadPage]:
    """Read the articles of an export, those in further languages after each; an id that repeats gets its language."""
    seen: dict[str, str] = {}
    for entry in _open(list(entries)):
        if entry.content is None:
            yield ReadPage(entry.place, problem=entry.problem or "")
            continue
        for fields in _Fields(entry.content).list_languages():
            external_id, locale = fields.external_id, fields.find_text(_LOCALES)
            if locale and seen.get(external_id, locale) != locale:
                external_id = f"{external_id}/{locale}"
            seen.setdefault(external_id, locale)
            yield _build(entry.place, fields, external_id)


def read_table(name: str, text: str) -> list[Entry]:
    """Read a CSV file whose first line names its columns.

    Raises:
        InvalidInputError: It has no columns that make an article; the message says which do.
    """
    first = text.lstrip("\n").partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text.lstrip("\n"), newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise InvalidInputError(f"{name}: is no CSV: {error}") from None
    columns = [re.sub(r"[\s-]+", "_", cell.strip().lower()) for cell in rows[0]]
    if not set(columns) & set(_TITLES) or not set(columns) & set(_BODIES):
        raise InvalidInputError(
            f"{name}: the first line must name the columns, such as question and answer, or id, title and body;"
            " or write JSON lines"
        )
    return [
        Entry(f"line {number}", dict(zip(columns, row, strict=False)))
        for number, row in enumerate(rows[1:], start=2)
        if any(cell.strip() for cell in row)
    ]


def _open(entries: list[Entry]) -> list[Entry]:
    """Take the articles out of an export, which is one object that lists them, perhaps a level or two down."""
    listed: Any = entries[0].content if len(entries) == 1 else None
    for _ in range(3):
        if not isinstance(listed, dict) or _Fields(listed).find(_TITLES) is not None:
            break
        listed = next((listed[name] for name in _LISTS if isinstance(listed.get(name), list | dict)), None)
    if not isinstance(listed, list):
        return entries
    return [
        Entry(f"article {number}", each)
        if isinstance(each, dict)
        else Entry(f"article {number}", None, "not a JSON object")
        for number, each in enumerate(listed, start=1)
    ]


def _build(place: str, fields: _Fields, external_id: str) -> ReadPage:
    """Make an article of an entry, or say why there is none."""
    title, body = fields.title, fields.body
    problem = ""
    if not external_id:
        problem = "external_id or id: must be there, so that importing again changes nothing"
    elif reason := find_unpublished(fields.content, is_export=True):
        return ReadPage(place, problem=f"left out, because {reason}", unpublished_id=external_id)
    elif not title:
        problem = "title: must be text"
    elif not body:
        problem = "body (or answers, a list of texts): there is no text in it"
    if problem:
        return ReadPage(place, problem=problem)
    try:
        read = read_article(body, fields.format, title)
    except (InvalidInputError, RecursionError) as error:
        return ReadPage(place, problem=f"body: {error}")
    tags = next((read_tags(fields.content[name]) for name in _TAGS if fields.content.get(name)), ())
    article = NewArticle(title=title, body=read.text, tags=tags, external_id=external_id, left_out=read.left_out)
    return ReadPage(place, article)
