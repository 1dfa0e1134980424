"""All that can be measured, and the names of its figures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ticketflow.errors import InvalidInputError
from ticketflow.evaluation.answers import ANSWERS, LETTERS, RESOLUTIONS, SEARCH
from ticketflow.evaluation.categories import CATEGORIES, CHOICES
from ticketflow.evaluation.entities import ENTITIES
from ticketflow.evaluation.measured import Section
from ticketflow.evaluation.rows import Row
from ticketflow.workflow.graph import LINEAGE

SECTIONS = (CATEGORIES, *CHOICES, ENTITIES, SEARCH, ANSWERS, RESOLUTIONS, LETTERS)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a figure says.

    Attributes:
        text: In a line.
        is_lower_better: Whether a smaller value is the better one.
        unit: What it is counted in; empty for a share of 1.
    """

    text: str
    is_lower_better: bool = False
    unit: str = ""


MEANINGS = {
    "accuracy": Meaning("rows that got the category of their label"),
    "best_guess_accuracy": Meaning("rows in scope whose likeliest category, the fallback left out, is the right one"),
    "in_scope_accuracy": Meaning("rows in scope that got the category of their label"),
    "macro_f1": Meaning("F1 of each label, averaged over the labels"),
    "ece": Meaning("how far confidence and accuracy lie apart, on average", is_lower_better=True),
    "coverage_at_precision": Meaning("share of rows, the surest first, that can be trusted at the precision asked for"),
    "out_of_scope_recall": Meaning("rows out of scope that got the fallback"),
    "out_of_scope_auroc": Meaning("how likely a row in scope gets more confidence than one out of scope"),
    "entity_f1": Meaning("F1 of all facts by value"),
    "entities_exact": Meaning("rows whose facts were all found, and no others"),
    "recall@1": Meaning("answerable rows whose right article is found first"),
    "recall@3": Meaning("answerable rows whose right article is among the first three"),
    "recall@5": Meaning("answerable rows whose right article is among the first five"),
    "mrr": Meaning("1 over the place of the right article, 0 when it is not found, on average"),
    "answer_precision": Meaning("answered rows that cite a right article"),
    "answer_coverage": Meaning("answerable rows that are answered and cite a right article"),
    "answered_of_answerable": Meaning("answerable rows that are answered, rightly or not"),
    "answered_without_article": Meaning("rows no article answers that are answered anyway", is_lower_better=True),
    "answer_ece": Meaning(
        "how far the confidence in the best article and its being right lie apart", is_lower_better=True
    ),
    "priority_accuracy": Meaning("rows that got the right priority"),
    "priority_macro_f1": Meaning("F1 of each priority, averaged"),
    "sentiment_accuracy": Meaning("rows that got the right sentiment"),
    "sentiment_macro_f1": Meaning("F1 of each sentiment, averaged"),
    "language_accuracy": Meaning("rows that got the right language"),
    "language_macro_f1": Meaning("F1 of each language, averaged"),
    "resolution_accuracy": Meaning("rows that came out as they should"),
    "sent_unchanged": Meaning("replies that are word for word what was sent"),
    "sent_similarity": Meaning("words in common with what was sent, in order"),
    "former_unchanged": Meaning("the same for the draft of then"),
    "former_similarity": Meaning("the same for the draft of then"),
    "same_category": Meaning("tickets that would get the category they have"),
    "same_priority": Meaning("tickets that would get the priority they have"),
    "same_sentiment": Meaning("tickets that would get the sentiment they have"),
    "same_language": Meaning("tickets that would get the language they have"),
    "same_resolution": Meaning("tickets that would come out as they did"),
    "same_articles": Meaning("tickets whose reply would cite the articles it cites"),
    "answered_then": Meaning("tickets that were answered"),
    "answered_now": Meaning("tickets that would be answered"),
    "reply_similarity": Meaning("words in common with the reply of then, in order"),
    "failed": Meaning("rows on which a step failed", is_lower_better=True),
    "ms_median": Meaning("time a row takes, median", is_lower_better=True, unit="ms"),
    "ms_p95": Meaning("time a row takes, 95th percentile", is_lower_better=True, unit="ms"),
    "load_s": Meaning("time until the first row can be run", is_lower_better=True, unit="s"),
    "memory_mb": Meaning("largest resident memory of this process so far", is_lower_better=True, unit="MB"),
}
"""Every figure but those of an entity type, which are called ``order_id.f1`` and the like."""

_OF_TYPES = {
    "precision": "found facts of this type that are right, by value",
    "recall": "facts of this type that were found, by value",
    "f1": "harmonic mean of the two",
    "span_f1": "the same by place: where found and labelled overlap",
}


def find_meaning(name: str) -> Meaning | None:
    """Say what a figure means; ``None`` when there is no such figure."""
    kind, dot, figure = name.partition(".")
    if kind and dot and figure in _OF_TYPES:
        return Meaning(_OF_TYPES[figure])
    return MEANINGS.get(name)


def choose_sections(rows: Sequence[Row], steps: Iterable[str]) -> list[Section]:
    """List what can be measured on these rows.

    Args:
        rows: The data.
        steps: Narrow it down to these steps; none narrows nothing.
    """
    wanted = set(steps)
    return [
        section
        for section in SECTIONS
        if any(map(section.applies, rows)) and (not wanted or wanted & set(section.steps))
    ]


def find_last_step(sections: Sequence[Section], steps: Iterable[str]) -> str:
    """Name the step after which all that is wanted is known.

    Raises:
        InvalidInputError: Nothing is wanted; the message says what rows must carry.
    """
    order = LINEAGE.steps
    wanted = list(steps) or [section.steps[-1] for section in sections]
    if not wanted:
        raise InvalidInputError(
            "there is nothing to measure: rows need a label, entities, gold, priority, sentiment, language, resolution"
            " or sent; or name --steps to measure time alone"
        )
    return max(wanted, key=order.index)
