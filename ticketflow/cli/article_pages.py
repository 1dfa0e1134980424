"""A page of a help centre as an article, or why it is none."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ticketflow.cli.entries import decode
from ticketflow.errors import InvalidInputError
from ticketflow.markup.article_text import Format, describe_left_out, read_article
from ticketflow.markup.publication import find_unpublished
from ticketflow.storage.articles import NewArticle

FORMATS: Mapping[str, Format] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".mdoc": "markdown",
    ".mdx": "mdx",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".rst": "rst",
    ".txt": "text",
}
# Written by people as articles are, but nothing here reads it.
UNREAD = frozenset(
    {".adoc", ".asciidoc", ".asc", ".org", ".textile", ".wiki", ".mediawiki", ".creole", ".docx", ".odt"}
)
LONGEST_TITLE = 200
# What a repository says to those who write it (docs.github.com, "community health files"), and what tells programs
# and menus where pages are.
_FOR_WRITERS = frozenset(
    """
    contributing code_of_conduct code-of-conduct pull_request_template issue_template codeowners governance maintainers
    authors contributors license licence robots requirements humans cname llms cmakelists _sidebar _navbar _coverpage
    404
    """.split()  # noqa: SIM905  # one word a line would be a page
)
# The same, but perhaps an article when it is not shouted.
_SHOUTED = frozenset({"CHANGELOG", "CHANGES", "HISTORY", "SECURITY", "SUPPORT", "TODO", "SUMMARY", "AGENTS", "CLAUDE"})
_PARTS = frozenset({"_includes", "_layouts", "_partials", "_templates", "_snippets", "archetypes", "issue_template"})
# What Jinja, Liquid, Go and Handlebars write into the HTML that pages are made with.
_TEMPLATE = re.compile(
    r"\{%-?\s{0,9}(?:extends|block|include|import|set|macro|if|for)\b|\{\{-?\s{0,9}(?:define|block|partial|template|range|with|#|>|content|\.)"
)


@dataclass(frozen=True, slots=True)
class ReadPage:
    """What came of a file or an entry.

    Attributes:
        place: Where it stands, for messages.
        article: What it says; ``None`` where it is no article.
        problem: Why there is none.
        unpublished_id: The external id of what is not for customers, and must not be answered from any more.
    """

    place: str
    article: NewArticle | None = None
    problem: str = ""
    unpublished_id: str | None = None


def read_page(name: str, page: bytes | str) -> ReadPage:
    """Read one file; a string says why it cannot be read."""
    if isinstance(page, str):
        return ReadPage(name, problem=page)
    suffix = Path(name).suffix.lower()
    if suffix in UNREAD:
        return ReadPage(name, problem=f"{suffix} is not read; convert it to .html or .md")
    if reason := _find_other_purpose(PurePosixPath(name)):
        return ReadPage(name, problem=f"left out, because {reason}", unpublished_id=name)
    try:
        text = decode(page, "the file")
        if FORMATS[suffix] == "html" and _TEMPLATE.search(text):
            return ReadPage(name, problem="left out, because it is a template of pages", unpublished_id=name)
        return _build_from_text(name, text, FORMATS[suffix])
    except (InvalidInputError, RecursionError) as error:
        return ReadPage(name, problem=" ".join(str(error).split()))


def is_page(name: str) -> bool:
    """Tell by its name what may be an article, or was meant to be one."""
    suffix = Path(name).suffix.lower()
    return suffix in FORMATS or suffix in UNREAD


def one_line(title: str) -> str:
    """Fold the blanks of a title."""
    return " ".join(title.split())


def read_tags(tags: object) -> tuple[str, ...]:
    """Take a list, or words between commas."""
    parts = tags.split(",") if isinstance(tags, str) else tags
    return tuple(str(part).strip() for part in parts if str(part).strip()) if isinstance(parts, list) else ()


def _find_other_purpose(path: PurePosixPath) -> str:
    """Say what a file is for that is no page; empty for a page."""
    folders = {part.lower() for part in path.parts[:-1]}
    if "_drafts" in folders:
        return "it is a draft (_drafts)"
    if folders & _PARTS or (path.name.startswith("_") and path.stem.lower() not in {"_index", *_FOR_WRITERS}):
        return "it is a part that pages include"
    is_for_writers = path.stem.lower() in _FOR_WRITERS or path.stem in _SHOUTED
    return "it is for those who write the pages" if is_for_writers else ""


def _build_from_text(name: str, text: str, kind: Format) -> ReadPage:
    read = read_article(text, kind)
    if reason := find_unpublished(read.head, is_export=False):
        return ReadPage(name, problem=f"left out, because {reason}", unpublished_id=name)
    if not read.text and read.left_out:
        problem = f"left out, because there is no text in it but {', '.join(describe_left_out(read.left_out))}"
        return ReadPage(name, problem=problem, unpublished_id=name)
    first = read.text.partition("\n")[0].strip()
    headline = first if kind == "text" and len(first) <= LONGEST_TITLE else None
    title = read.title or headline or Path(name).stem.replace("-", " ").replace("_", " ")
    taxonomies = read.head.get("taxonomies")  # where Zola keeps them
    tags = read_tags(read.head.get("tags") or (taxonomies.get("tags") if isinstance(taxonomies, dict) else None))
    article = NewArticle(title=one_line(title), body=read.text, tags=tags, external_id=name, left_out=read.left_out)
    return ReadPage(name, article)
