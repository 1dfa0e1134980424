"""What steps may ask of the world. Engines fill these protocols; steps know nothing else.

Every method may raise ``TransientError`` (tried again with backoff) or ``PermanentError`` (the
ticket fails). Arguments and results are plain JSON values, so that a run in process and a run
as a Celery chain see the very same things.
"""

from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

from ticketflow.workflow.approval import ApprovalPolicy
from ticketflow.workflow.letters import Letters
from ticketflow.workflow.state import (
    Citation,
    Entity,
    Guess,
    Passage,
    Priority,
    Problem,
    Request,
    Sentiment,
    SimilarTicket,
    Sla,
)

Handover = Literal["danger", "person"]
"""Why only a person may answer: danger to somebody; or what the law or a thief does."""

HANDOVERS: tuple[Handover, ...] = get_args(Handover)


@dataclass(frozen=True, slots=True)
class Label:
    """What a classifier says of a ticket.

    Attributes:
        category: One of ``Classifier.categories``.
        team: The team that owns the category.
        confidence: Calibrated probability of ``category``, in [0, 1].
        alternatives: Up to three next-best guesses, best first.
        language: ISO 639-1 code of the ticket's language.
        sentiment: How the customer sounds.
        priority: How soon the text asks to be dealt with.
        reasons: A few words on what decided ``priority`` and ``sentiment``, by those names; ``danger`` and ``person``
            where the ticket's words make it one for a person.
        sla: What is promised for tickets of the category, or ``None``.
    """

    category: str
    team: str
    confidence: float
    alternatives: list[Guess]
    language: str
    sentiment: Sentiment
    priority: Priority
    reasons: dict[str, str] = field(default_factory=dict)
    sla: Sla | None = None


class Classifier(Protocol):
    """Sorts tickets into the operator's taxonomy."""

    @property
    def categories(self) -> frozenset[str]:
        """Names a label may carry."""
        ...

    def classify(self, subject: str, body: str) -> Label:
        """Label one ticket."""
        ...


class Extractor(Protocol):
    """Finds the facts in a ticket."""

    def extract(self, request: Request, language: str) -> list[Entity]:
        """List facts in order of appearance, subject first; payment data comes masked."""
        ...


class KnowledgeBase(Protocol):
    """Finds what a tenant's team already wrote: articles, and answers to other tickets."""

    def search(self, query: str, limit: int, tenant: str) -> list[Passage]:
        """List the best passages, best first, at most one per article; empty when none exist."""
        ...

    def find_resolved(self, query: str, limit: int, tenant: str) -> list[SimilarTicket]:
        """List tickets like this one whose answers a person approved, the most alike first."""
        ...


@dataclass(frozen=True, slots=True)
class Brief:
    """All a writer or reviewer may know about a ticket.

    Attributes:
        request: The ticket as received.
        category: Its category.
        team: The team the category belongs to.
        language: ISO 639-1 code.
        sentiment: How the customer sounds.
        entities: Facts found in it.
        passages: What research found, best first.
        problems: What review found wrong with the draft before, empty in the first round.
        similar_tickets: Tickets like this one and their approved answers: for orientation, not to be quoted.
        handover: Why only a person may answer, if that is so.
    """

    request: Request
    category: str
    team: str
    language: str
    sentiment: Sentiment
    entities: list[Entity]
    passages: list[Passage]
    problems: list[Problem]
    similar_tickets: list[SimilarTicket] = field(default_factory=list)
    handover: Handover | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply and the sentences it rests on.

    Attributes:
        text: What the customer would read, greeting to sign-off.
        citations: Every quoted sentence; empty for an acknowledgement.
        confidence: How sure the writer is that this answers the ticket, in [0, 1].
        unanswered: What of the ticket it hands over to a person, in the customer's words.
        team: Who has that to answer; ``None`` for the team the ticket is with.
    """

    text: str
    citations: list[Citation]
    confidence: float
    unanswered: list[str] = field(default_factory=list)
    team: str | None = None


class Writer(Protocol):
    """Turns findings into a reply."""

    def answer(self, brief: Brief) -> Reply | None:
        """Write an answer from the brief's passages, or ``None`` when they do not answer it."""
        ...

    def acknowledge(self, brief: Brief) -> Reply:
        """Write an honest acknowledgement that names the team the ticket goes to."""
        ...


@dataclass(frozen=True, slots=True)
class Opinion:
    """A reviewer's judgement of a reply.

    Attributes:
        completeness: How much of what the customer asked is addressed, in [0, 1].
        problems: What must change; empty when nothing must.
    """

    completeness: float
    problems: list[Problem]


class Reviewer(Protocol):
    """Judges a reply; the checks that need no judgement are made by the review step itself."""

    def review(self, brief: Brief, reply: Reply) -> Opinion:
        """Judge a reply against the ticket."""
        ...


@dataclass(frozen=True, slots=True)
class Tools:
    """One implementation of every port: all that a step gets besides the state.

    Attributes:
        approval: Which drafts wait for a person, and for how long.
        letters: The words around a reply, which review knows from an engine's own.
    """

    classifier: Classifier
    extractor: Extractor
    knowledge: KnowledgeBase
    writer: Writer
    reviewer: Reviewer
    approval: ApprovalPolicy = field(default_factory=ApprovalPolicy)
    letters: Letters = field(default_factory=Letters)
