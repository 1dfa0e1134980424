"""``ticketflow articles``: import and search the knowledge base."""

from collections import Counter
from pathlib import Path

import click

from ticketflow.cli.errors import FAILED
from ticketflow.cli.terminal import print_json, print_line, progress_bar, results, say


@click.group()
def articles() -> None:
    """Import and search the knowledge base."""


@articles.command("import", short_help="Import a folder, or a file of JSON lines.")
@click.argument("path", type=click.Path(exists=True, path_type=Path), required=False)
@click.option("--sample", is_flag=True, help="Import the articles that ship with Ticket Flow.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
def import_(path: Path | None, sample: bool, as_json: bool) -> None:
    """Import a folder of .md, .txt and .html files, or a file of JSON lines, into the database.

    Markdown may begin with front matter (title, tags). A JSON line has id or external_id, title,
    body (or answers, a list) and tags. A file's path in the folder, or the id, is the article's
    external id: importing again updates what changed and leaves the rest. Nothing is deleted.
    """
    from ticketflow.cli.article_files import read_articles, read_sample_articles
    from ticketflow.cli.database import open_sessions
    from ticketflow.services.articles import import_articles
    from ticketflow.storage.models import DEFAULT_TENANT

    if (path is None) != sample:
        raise click.UsageError("give either a PATH or --sample", click.get_current_context())
    source = read_articles(path) if path else read_sample_articles()
    counts = Counter({"created": 0, "updated": 0, "unchanged": 0})
    with open_sessions() as sessions, progress_bar(len(source.articles)) as bar:
        bar.start("importing")
        for outcome in import_articles(sessions, DEFAULT_TENANT, source.articles):
            counts[outcome] += 1
            bar.advance()
    for problem in source.problems:
        say(f"error: {problem}")
    _report(counts, failed=len(source.problems), as_json=as_json)
    if source.problems:
        raise click.exceptions.Exit(FAILED)


@articles.command()
@click.argument("query")
@click.option("--limit", type=click.IntRange(1, 50), default=5, show_default=True, help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a passage.")
def search(query: str, limit: int, as_json: bool) -> None:
    """Find what a ticket with these words would find, best first."""
    from ticketflow.cli.client import open_client
    from ticketflow.cli.ticket_view import build_table

    with open_client() as client:
        found = client.search_articles(query, limit)
    if as_json:
        for passage in found:
            print_json(passage)
    elif found:
        rows = [(f"{each['confidence']:.0%}", each["title"], each["text"]) for each in found]
        results().print(build_table("passages", ("answers it", "article", "passage"), rows))
    else:
        say("no article was found")


def _report(counts: Counter[str], *, failed: int, as_json: bool) -> None:
    if as_json:
        print_json({**counts, "failed": failed})
        return
    summary = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    print_line(summary + (f", {failed} failed" if failed else ""))
