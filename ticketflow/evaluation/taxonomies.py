"""Taxonomies to evaluate with: an operator's own, or one made of the labels of data and examples of them."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ticketflow.engines.embedded.taxonomy import Category, Taxonomy
from ticketflow.errors import InvalidInputError

TEAM = "evaluation"
FALLBACK = "other"
MOST_NAMED = 5

Examples = Mapping[str, Sequence[str]]


def build_taxonomy(labels: Iterable[str], out_of_scope: str | None) -> Taxonomy:
    """Make categories of labels, their names in words; what fits none goes to a fallback that nothing is said of.

    The shipped fallback's examples are of what a shop does not do, which may be just what the data is about.

    Args:
        labels: As in the data.
        out_of_scope: The label that stands for the fallback.
    """
    names = sorted(set(labels) - {out_of_scope, FALLBACK})
    if not names:
        raise InvalidInputError("there is no label to make a category of")
    made = (Category(name, description="", team=TEAM) for name in (*names, FALLBACK))
    return Taxonomy(tuple(made), FALLBACK)


def add_examples(taxonomy: Taxonomy, examples: Examples, out_of_scope: str | None) -> Taxonomy:
    """Give categories more examples; those of ``out_of_scope`` go to the fallback.

    Raises:
        InvalidInputError: A label is no category.
    """
    renamed = {taxonomy.fallback if label == out_of_scope else label: texts for label, texts in examples.items()}
    require_categories(taxonomy, renamed, None)
    return replace(
        taxonomy,
        categories=tuple(
            replace(category, examples=(*category.examples, *renamed.get(category.name, ())))
            for category in taxonomy.categories
        ),
    )


def draw_examples(examples: Examples, per_class: int | None, seed: str) -> Examples:
    """Take ``per_class`` examples of each label by chance, or all of them."""
    if per_class is None:
        return examples
    chance = random.Random(seed)  # noqa: S311  # which rows are drawn is no secret
    return {label: chance.sample(list(texts), min(per_class, len(texts))) for label, texts in sorted(examples.items())}


def require_categories(taxonomy: Taxonomy, labels: Iterable[str], out_of_scope: str | None) -> None:
    """Check that every label is a category.

    Raises:
        InvalidInputError: Some are not; the message names a few and says how to go on.
    """
    unknown = sorted(set(labels) - set(taxonomy.by_name) - {out_of_scope})
    if unknown:
        named = ", ".join(unknown[:MOST_NAMED]) + (", …" if len(unknown) > MOST_NAMED else "")
        raise InvalidInputError(
            f"{len(unknown)} labels are no categories ({named}): give --examples or --names-only to make categories of"
            " the labels, or --taxonomy with a file that has them"
        )
