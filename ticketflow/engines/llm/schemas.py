"""What a model may answer in each step: every string and list is bounded, or a small model never stops."""

from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from ticketflow.workflow.state import Priority, Sentiment

Sureness = Literal["low", "medium", "high"]
FactType = Literal["order_id", "invoice_id", "error_code", "product"]
ProblemCode = Literal["incomplete", "ungrounded", "tone", "promise"]

MAX_FACTS = 6  # beyond those patterns find
MAX_FACT_CHARACTERS = 60
MAX_PASSAGES = 10
MAX_QUOTES = 3
MAX_QUOTE_CHARACTERS = 400
MAX_ANSWER_CHARACTERS = 1500
MAX_QUERY_CHARACTERS = 120
MAX_PROBLEMS = 3
MAX_DETAIL_CHARACTERS = 160
FULL_MARKS = 10


class _Bounded(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Sorted(_Bounded):
    """What ``classify`` asks for; ``build_sorted`` narrows the category to those there are."""

    category: Annotated[str, Field(max_length=100)]
    sentiment: Sentiment
    priority: Priority
    sureness: Sureness


class Fact(_Bounded):
    """A fact, as written in the ticket."""

    type: FactType
    text: Annotated[str, Field(min_length=1, max_length=MAX_FACT_CHARACTERS)]


class Facts(_Bounded):
    """What ``extract`` asks for."""

    facts: Annotated[list[Fact], Field(max_length=MAX_FACTS)]


class Query(_Bounded):
    """What ``research`` asks for first."""

    query: Annotated[str, Field(min_length=1, max_length=MAX_QUERY_CHARACTERS)]


class Choice(_Bounded):
    """What ``research`` asks for then: numbers of passages, from 1."""

    helpful: Annotated[list[Annotated[int, Field(ge=1, le=MAX_PASSAGES)]], Field(max_length=MAX_PASSAGES)]


class Quote(_Bounded):
    """A sentence the answer relies on."""

    passage: Annotated[int, Field(ge=1, le=MAX_PASSAGES)]
    quote: Annotated[str, Field(min_length=1, max_length=MAX_QUOTE_CHARACTERS)]


class Written(_Bounded):
    """What ``draft`` asks for."""

    answers: bool
    sureness: Sureness
    answer: Annotated[str, Field(max_length=MAX_ANSWER_CHARACTERS)]
    quotes: Annotated[list[Quote], Field(max_length=MAX_QUOTES)]


class Objection(_Bounded):
    """Something a reply must change."""

    code: ProblemCode
    detail: Annotated[str, Field(min_length=1, max_length=MAX_DETAIL_CHARACTERS)]


class Judged(_Bounded):
    """What ``review`` asks for."""

    addressed: Annotated[int, Field(ge=0, le=FULL_MARKS)]
    problems: Annotated[list[Objection], Field(max_length=MAX_PROBLEMS)]


@lru_cache(maxsize=8)
def build_sorted(categories: tuple[str, ...]) -> type[Sorted]:
    """Narrow ``Sorted`` to the categories of a taxonomy."""
    names: Any = Literal[categories]
    return create_model("Sorted", __base__=Sorted, category=(names, ...))
