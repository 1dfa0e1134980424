"""``ticketflow taxonomy``: check the categories, fit the classifier on them, and publish it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ticketflow.cli.terminal import print_json, print_line, results, say
from ticketflow.workflow.state import DEFAULT_TENANT

if TYPE_CHECKING:
    from ticketflow.engines.embedded.encoder.vectors import MiniLmEncoder
    from ticketflow.engines.embedded.taxonomy import Taxonomy
    from ticketflow.storage.session import Sessions

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group()
def taxonomy() -> None:
    """Check the categories, fit the classifier on them, and publish it to all workers."""


@taxonomy.command()
@click.argument("file", type=click.Path(path_type=Path))
@_json
def check(file: Path, as_json: bool) -> None:
    """Check a taxonomy FILE, and tell how well its examples can be told apart. Nothing is stored."""
    from ticketflow.cli.taxonomy_view import describe_report, render_report, render_taxonomy
    from ticketflow.engines.embedded.classify.report import build_report
    from ticketflow.engines.embedded.classify.training import fit_and_judge
    from ticketflow.engines.embedded.taxonomy_file import load_taxonomy

    loaded = load_taxonomy(file, is_tried=True)
    report = build_report(*fit_and_judge(open_encoder(), loaded))
    if as_json:
        print_json(describe_report(report))
        return
    results().print(render_taxonomy(loaded), render_report(report))


@taxonomy.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@_json
def train(file: Path | None, as_json: bool) -> None:
    """Fit the classifier on FILE and on what people corrected, and publish it.

    All workers use it within seconds, whatever TICKETFLOW_TAXONOMY says. Without FILE the taxonomy
    in force is fitted again, with the corrections made since.
    """
    from ticketflow.adapters.classifier_models import train_classifier
    from ticketflow.cli.database import open_sessions
    from ticketflow.cli.taxonomy_view import describe_report, render_report
    from ticketflow.engines.embedded.taxonomy_file import load_taxonomy

    given = None if file is None else load_taxonomy(file, is_tried=True)
    with open_sessions() as sessions:
        trained = train_classifier(sessions, open_encoder(), given or find_taxonomy(sessions), DEFAULT_TENANT)
    if as_json:
        print_json({"version": trained.version, **describe_report(trained.report), "corrections": trained.learnt})
    else:
        results().print(render_report(trained.report))
        print_line(f"version {trained.version} is published; it learnt from {trained.learnt} corrections")
    for name, count in trained.passed_over.items():
        say(f"left out {count} corrections to {name!r}: the taxonomy has no such category")


@taxonomy.command()
@_json
def show(as_json: bool) -> None:
    """Show which version workers use, since when, and the versions before."""
    from ticketflow.adapters.classifier_models import read_classifiers
    from ticketflow.cli.database import open_sessions
    from ticketflow.cli.taxonomy_view import describe_version, render_taxonomy, render_versions

    with open_sessions() as sessions:
        published, models = read_classifiers(sessions, DEFAULT_TENANT)
        in_force = find_taxonomy(sessions)
    versions = [describe_version(model, published) for model in models]
    if as_json:
        for version in versions:
            print_json(version)
        return
    if published is None:
        say("no version is published: workers use the taxonomy file; `ticketflow taxonomy train FILE` publishes one")
    results().print(render_taxonomy(in_force), render_versions(versions))


@taxonomy.command()
@click.argument("version", type=click.IntRange(1, 2**31 - 1))  # PostgreSQL's integer
def publish(version: int) -> None:
    """Go back to an older VERSION; `ticketflow taxonomy show` lists them."""
    from ticketflow.adapters.classifier_models import republish_classifier
    from ticketflow.cli.database import open_sessions
    from ticketflow.errors import InvalidInputError, NotFoundError

    with open_sessions() as sessions:
        try:
            republish_classifier(sessions, version, DEFAULT_TENANT)
        except NotFoundError as error:
            raise InvalidInputError(str(error)) from error
    print_line(f"version {version} is published")


def open_encoder() -> "MiniLmEncoder":
    """Return the encoder settings name."""
    from ticketflow.engines.embedded import shared_encoder
    from ticketflow.settings import load_settings

    return shared_encoder(load_settings().encoder_model)


def find_taxonomy(sessions: "Sessions") -> "Taxonomy":
    """Read the taxonomy in force: the published one, else the file's."""
    from ticketflow.adapters.classifier_models import find_published_taxonomy
    from ticketflow.engines.embedded.taxonomy_file import load_taxonomy
    from ticketflow.settings import load_settings

    return find_published_taxonomy(sessions, DEFAULT_TENANT) or load_taxonomy(load_settings().taxonomy)
