"""What is tried on the rows: the present settings, or others, over a taxonomy and a knowledge base."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from ticketflow.engines.embedded import shared_encoder
from ticketflow.engines.embedded.classify.classifier import FitOnFirstUse, ModelSource
from ticketflow.engines.embedded.taxonomy_file import load_taxonomy
from ticketflow.evaluation.library import Library
from ticketflow.evaluation.measured import Yardstick
from ticketflow.evaluation.taxonomies import (
    Examples,
    add_examples,
    build_taxonomy,
    draw_examples,
    require_categories,
)
from ticketflow.evaluation.trial import Candidate, Setup
from ticketflow.evaluation.versions import Version, build_version_tools, find_source
from ticketflow.settings import Settings
from ticketflow.storage.session import Sessions


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
        out_of_scope: The label that stands for the fallback.
        aliases: What we call entity types of the data.
        precision: At which precision coverage is reported.
        seed: Of everything that is drawn.
        sessions: Where classifiers are stored; ``None`` without a database.
    """

    settings: Settings
    labels: Sequence[str]
    library: Library
    examples: Examples = field(default_factory=dict)
    per_class: int | None = None
    is_names_only: bool = False
    out_of_scope: str | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)
    precision: float = 0.95
    seed: int = 0
    sessions: Sessions | None = None

    @property
    def makes_taxonomy(self) -> bool:
        """Whether categories or their examples come from data."""
        return self.is_names_only or bool(self.examples)


def build_candidate(material: Material, version: Version) -> Candidate:
    """Prepare a candidate; nothing is loaded yet."""
    return Candidate(version.name, partial(_set_up, material, version))


def _set_up(material: Material, version: Version, draw: int) -> Setup:
    settings = version.apply(material.settings)
    source = choose_source(material, settings, version, draw)
    require_categories(source.taxonomy, material.labels, material.out_of_scope)
    tools = build_version_tools(settings, material.library.open(draw, settings), source)
    yardstick = Yardstick(
        fallback=source.taxonomy.fallback,
        out_of_scope=material.out_of_scope,
        articles=material.library.ids(draw),
        aliases=material.aliases,
        precision=material.precision,
    )
    return Setup(tools, yardstick)


def choose_source(material: Material, settings: Settings, version: Version, draw: int) -> ModelSource:
    """Take a classifier that is there, or fit one on a taxonomy of this evaluation's own and this draw's examples."""
    if not material.makes_taxonomy:
        return find_source(settings, version, material.sessions)
    if version.taxonomy is not None:
        taxonomy = load_taxonomy(version.taxonomy)
    else:
        taxonomy = build_taxonomy([*material.labels, *material.examples], material.out_of_scope)
    drawn = draw_examples(material.examples, material.per_class, f"examples {material.seed} {draw}")
    taxonomy = add_examples(taxonomy, drawn, material.out_of_scope)
    return FitOnFirstUse(shared_encoder(settings.encoder_model), taxonomy)
