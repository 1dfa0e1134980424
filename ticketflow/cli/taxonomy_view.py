"""A taxonomy, its report and its versions as people and programs read them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from ticketflow.cli.terminal import printable
from ticketflow.cli.ticket_view import build_table
from ticketflow.engines.embedded.classify.report import FEW_EXAMPLES, Report
from ticketflow.engines.embedded.taxonomy import Sla, Taxonomy
from ticketflow.services.views import instant
from ticketflow.storage.models import ClassifierModel

UNKNOWN = "-"
FIGURES = ("examples", "accuracy", "macro_f1", "ece")


def render_taxonomy(taxonomy: Taxonomy) -> RenderableType:
    """Show the categories and what facts to expect."""
    rows = [
        (
            each.name + (" (fallback)" if each.name == taxonomy.fallback else ""),
            each.team,
            str(len(each.examples)),
            describe_sla(each.sla),
            each.description,
        )
        for each in taxonomy.categories
    ]
    parts: list[RenderableType] = [
        build_table("categories", ("name", "team", "examples", "answer / solve within", "description"), rows)
    ]
    if taxonomy.ids:
        ids = [(each.type, each.pattern or UNKNOWN, ", ".join(each.examples)) for each in taxonomy.ids]
        parts.append(build_table("ids", ("type", "pattern", "examples"), ids))
    if taxonomy.products:
        products = [(each.name, ", ".join(each.aliases)) for each in taxonomy.products]
        parts.append(build_table("products", ("name", "also called"), products))
    return Group(*parts)


def describe_sla(sla: Sla | None) -> str:
    """Write a promise in hours."""
    if sla is None:
        return UNKNOWN
    hours = (sla.first_response_h, sla.resolution_h)
    return " / ".join(UNKNOWN if each is None else f"{each:g} h" for each in hours)


def render_report(report: Report) -> RenderableType:
    """Show how well the categories can be told apart, and what is worth a look."""
    figures = report.figures
    if figures.accuracy is None or figures.macro_f1 is None or figures.ece is None:
        return Text("There are no examples, so there is nothing to judge by: add eight or more to each category.")
    parts: list[RenderableType] = [
        Text(
            f"{figures.examples} examples of {figures.categories} categories, each judged without it: "
            f"accuracy {figures.accuracy:.1%}, macro-F1 {figures.macro_f1:.3f}, calibration error {figures.ece:.3f}"
        )
    ]
    if report.confusions:
        rows = [(each.category, each.taken_for, str(each.count), "\n".join(each.texts)) for each in report.confusions]
        parts.append(build_table("taken for another", ("category", "taken for", "how often", "such as"), rows))
    if report.thin:
        named = ", ".join(f"{name} ({count})" for name, count in report.thin.items())
        parts.append(Text(printable(f"Fewer than {FEW_EXAMPLES} examples: {named}")))
    return Group(*parts)


def describe_report(report: Report) -> dict[str, Any]:
    """Show a report as a JSON value."""
    return {
        **report.figures.as_json(),
        "confusions": [asdict(each) for each in report.confusions],
        "thin": report.thin,
    }


def describe_version(model: ClassifierModel, published: int | None) -> dict[str, Any]:
    """Show a stored classifier."""
    return {
        "version": model.version,
        "is_live": model.version == published,
        "published_at": instant(model.published_at),
        "created_at": instant(model.created_at),
        **model.metrics,
    }


def render_versions(versions: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Show the stored classifiers, newest first."""
    rows = [
        (
            f"{each['version']}{' (live)' if each['is_live'] else ''}",
            each["published_at"] or UNKNOWN,
            each["created_at"] or UNKNOWN,
            *(UNKNOWN if each.get(key) is None else str(each[key]) for key in FIGURES),
        )
        for each in versions
    ]
    return build_table("versions", ("version", "published", "fitted", *FIGURES), rows)
