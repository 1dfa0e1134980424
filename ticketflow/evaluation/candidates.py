"""What is tried on the rows: the present settings, or others, over a knowledge base and a taxonomy, given or made."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ticketflow.engines.embedded import shared_encoder
from ticketflow.engines.embedded.classify.classifier import FitOnFirstUse, ModelSource
from ticketflow.engines.embedded.taxonomy import Category, Taxonomy
from ticketflow.engines.embedded.taxonomy_file import load_taxonomy
from ticketflow.errors import InvalidInputError
from ticketflow.evaluation.library import Library
from ticketflow.evaluation.measured import Yardstick
from ticketflow.evaluation.trial import Candidate, Setup
from ticketflow.evaluation.versions import Version, build_version_tools, find_source
from ticketflow.settings import Settings
from ticketflow.storage.session import Sessions

TEAM = "evaluation"
FALLBACK = "other"
MOST_NAMED = 5

Examples = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Material:
    """What all candidates have in common.

    Attributes:
        settings: As the environment sets them.
        labels: The labels of the data.
        library: The articles to answer from.
        examples: Labelled texts to learn from; none leaves learning to the taxonomy.
        per_class: How many of each label to draw; ``None`` takes all.
        is_names_only: Whether categories are made of the labels alone.
        yardstick: How outcomes are to be read, as far as no draw and no version changes that.
        seed: Of everything that is drawn.
        sessions: Where classifiers are stored; ``None`` without a database.
    """

    settings: Settings
    labels: Sequence[str]
    library: Library
    examples: Examples = field(default_factory=dict)
    per_class: int | None = None
    is_names_only: bool = False
    yardstick: Yardstick = field(default_factory=Yardstick)
    seed: int = 0
    sessions: Sessions | None = None


def build_candidate(material: Material, version: Version) -> Candidate:
    """Prepare a candidate; nothing is loaded yet."""

    def set_up(draw: int) -> Setup:
        settings = version.apply(material.settings)
        source = choose_source(material, settings, version, draw)
        require_categories(source.taxonomy, material.labels, material.yardstick.out_of_scope)
        tools = build_version_tools(settings, material.library.open(draw, settings), source)
        articles = material.library.ids(draw)
        return Setup(tools, replace(material.yardstick, fallback=source.taxonomy.fallback, articles=articles))

    return Candidate(version.name, set_up)


def choose_source(material: Material, settings: Settings, version: Version, draw: int) -> ModelSource:
    """Take a classifier that is there, or fit one on a taxonomy of this evaluation's own and this draw's examples."""
    if not (material.is_names_only or material.examples):
        return find_source(settings, version, material.sessions)
    out_of_scope = material.yardstick.out_of_scope
    if version.taxonomy is not None:
        taxonomy = load_taxonomy(version.taxonomy)
    else:
        taxonomy = build_taxonomy([*material.labels, *material.examples], out_of_scope)
    drawn = draw_examples(material.examples, material.per_class, f"examples {material.seed} {draw}")
    taxonomy = add_examples(taxonomy, drawn, out_of_scope)
    return FitOnFirstUse(shared_encoder(settings.encoder_model), taxonomy)


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
