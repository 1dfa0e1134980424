"""``ticketflow articles``: import and search the knowledge base."""

from collections import Counter
from pathlib import Path

import click

from ticketflow.cli.errors import FAILED
from ticketflow.cli.keys import tenant_option
from ticketflow.cli.terminal import print_json, print_line, progress_bar, results, say

COLUMNS = ("confidence", "what was found")


@click.group()
def articles() -> None:
    """Import and search the knowledge base."""


@articles.command("import", short_help="Import a folder, an archive, JSON, or CSV.")
@click.argument("path", type=click.Path(exists=True, path_type=Path), required=False)
@click.option("--sample", is_flag=True, help="Import the articles that ship with Ticket Flow.")
@tenant_option
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
def import_(path: Path | None, *, sample: bool, tenant: str, as_json: bool) -> None:
    """Import a folder, a zip or a tar of .md, .mdx, .html, .rst and .txt files, JSON, or CSV, into the database.

    A help centre's export, one JSON object that lists its articles, is taken as it is; so are JSON lines with
    id, title and body, and tables or lists of questions and answers. A file's path in the folder, or the id, is
    the article's external id: importing again updates what changed and leaves the rest. What is a draft, or not
    for customers, is left out and named, and withdrawn if it was imported before. Nothing else is deleted.
    """
    from ticketflow.cli.article_files import read_articles, read_sample_articles
    from ticketflow.cli.database import open_sessions
    from ticketflow.services.articles import import_articles, withdraw_articles

    if (path is None) != sample:
        raise click.UsageError("give either a PATH or --sample", click.get_current_context())
    source = read_articles(path) if path else read_sample_articles()
    counts = Counter({"created": 0, "updated": 0, "unchanged": 0})
    with open_sessions() as sessions, progress_bar(len(source.articles)) as bar:
        bar.start("importing")
        for outcome in import_articles(sessions, tenant, source.articles):
            counts[outcome] += 1
            bar.advance()
        withdrawn = withdraw_articles(sessions, tenant, source.unpublished_ids)
    for problem in source.problems:
        say(f"error: {problem}" if problem in source.failures else problem)
    for note in source.notes:
        say(f"note: {note}")
    left_out = len(source.problems) - len(source.failures)
    others = {"withdrawn": withdrawn, "left out": left_out, "failed": len(source.failures)}
    if as_json:
        print_json({**counts, **{name.replace(" ", "_"): count for name, count in others.items()}})
    else:
        shown = {**counts, **{name: count for name, count in others.items() if count}}
        print_line(", ".join(f"{count} {outcome}" for outcome, count in shown.items()))
    if source.failures:
        raise click.exceptions.Exit(FAILED)


@articles.command()
@click.argument("query")
@click.option("--limit", type=click.IntRange(1, 50), default=5, show_default=True, help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a passage.")
def search(query: str, limit: int, as_json: bool) -> None:
    """Find what a ticket with these words would find, best first, and show why.

    The score orders the finds: similarity plus a twentieth of the share of words. The confidence
    that one of them answers decides whether a ticket is answered from it.
    """
    from ticketflow.cli.client import open_client
    from ticketflow.cli.ticket_view import build_table

    with open_client() as client:
        found = client.search_articles(query, limit)
    if as_json:
        for passage in found:
            print_json(passage)
    elif found:
        rows = []
        for each in found:
            evidence = each["evidence"]
            verdict = "answers" if each["is_sure"] else f"below {each['threshold']:.0%}"
            parts = (
                f"similarity {each['similarity']:.2f}, words {each['lexical']:.0%}, "
                f"title {evidence['title']:.2f}, lead {evidence['lead']:+.2f}"
            )
            # All but the confidence one below the other, so that the passage can be read on a narrow terminal.
            what = f"{each['title']}\n{each['score']:.2f}: {parts}\n{each['text']}\n"
            rows.append((f"{each['confidence']:.0%}\n{verdict}", what))
        results().print(build_table("passages", COLUMNS, rows))
    else:
        say("no article was found")
