"""The operator's taxonomy: categories, who looks after them, how soon, and what their ids and products look like."""

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from ticketflow.workflow.state import Priority


@dataclass(frozen=True, slots=True)
class Sla:
    """How soon a category's tickets are to be dealt with, counted from their arrival.

    Attributes:
        first_response_h: Hours until the first answer, or ``None`` for no promise.
        resolution_h: Hours until the ticket is solved, or ``None`` for no promise.
    """

    first_response_h: float | None = None
    resolution_h: float | None = None


@dataclass(frozen=True, slots=True)
class Category:
    """One kind of ticket.

    Attributes:
        name: What the API and the reports call it.
        description: One sentence; the classifier learns from it.
        team: Who looks after these tickets.
        examples: Sentences customers write; ten or so make a good category.
        sla: How soon, or ``None`` for no promise.
        priority: The least pressing its tickets may be, or ``None`` to leave it to their words.
    """

    name: str
    description: str
    team: str
    examples: tuple[str, ...] = ()
    sla: Sla | None = None
    priority: Priority | None = None


@dataclass(frozen=True, slots=True)
class IdHint:
    """What one kind of id looks like in this operator's business.

    Attributes:
        type: What the extractor calls it, such as ``order_id``.
        examples: Ids as customers write them; patterns are learned from these.
        pattern: A regular expression for the whole id, or ``None``.
    """

    type: str
    examples: tuple[str, ...] = ()
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """A product customers write about.

    Attributes:
        name: What the extractor reports.
        aliases: What customers call it.
    """

    name: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Taxonomy:
    """All categories, the one for tickets that fit none, and what facts to expect.

    Attributes:
        categories: In the order of the file.
        fallback: Name of the category for unclear tickets.
        ids: Kinds of ids to look for.
        products: Product names to look for.
    """

    categories: tuple[Category, ...]
    fallback: str
    ids: tuple[IdHint, ...] = ()
    products: tuple[Product, ...] = ()

    @cached_property
    def by_name(self) -> dict[str, Category]:
        """Categories by name, in the order of the file."""
        return {category.name: category for category in self.categories}


def dump_taxonomy(taxonomy: Taxonomy) -> dict[str, Any]:
    """Write a taxonomy as a JSON value; ``read_taxonomy`` reads it back."""
    return asdict(taxonomy)


def read_taxonomy(stored: dict[str, Any]) -> Taxonomy:
    """Read what ``dump_taxonomy`` wrote."""
    return Taxonomy(
        categories=tuple(
            Category(**each | {"examples": tuple(each["examples"]), "sla": each["sla"] and Sla(**each["sla"])})
            for each in stored["categories"]
        ),
        fallback=stored["fallback"],
        ids=tuple(IdHint(each["type"], tuple(each["examples"]), each["pattern"]) for each in stored["ids"]),
        products=tuple(Product(each["name"], tuple(each["aliases"])) for each in stored["products"]),
    )
