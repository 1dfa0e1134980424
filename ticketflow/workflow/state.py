"""What a ticket carries through the graph: plain JSON values only, merged key by key.

Each step file declares the keys it adds; this module holds what the ticket arrives with and the
small records several steps share.
"""

import re
from typing import Literal, NotRequired, TypedDict, get_args

from ticketflow.mail.parts import Part, blank_others, drop_printed, find_topic, join_words, split_mail

Priority = Literal["low", "normal", "high", "urgent"]
Sentiment = Literal["negative", "neutral", "positive"]
Resolution = Literal["answered", "routed", "ignored"]

PRIORITIES: tuple[Priority, ...] = get_args(Priority)
"""The least urgent first: rows hold the place of theirs."""

LlmStep = Literal["classify", "extract", "research", "draft", "review"]
"""Steps in which a chat model can speak."""

# Whose rows they are that name nobody.
DEFAULT_TENANT = "default"

_BLANKS = re.compile(r"\s+")
# Some 3,500 words: nobody asks at greater length, and what is pasted below must not hold a worker.
MAX_QUESTION_CHARACTERS = 20_000


class Entity(TypedDict):
    """A fact found in the ticket.

    Attributes:
        type: ``order_id``, ``invoice_id``, ``email``, ``phone``, ``amount``, ``date``, ``url``,
            ``card``, ``iban`` and what later engines add.
        value: Normalised (E.164 phone, ISO 8601 date, ISO 4217 currency with amount); masked for
            card and account numbers.
        text: As written in the ticket; masked for card and account numbers.
        field: Which part of the ticket ``start`` and ``end`` count in.
        start: First character, zero-based, in the text as received.
        end: One past the last character.
    """

    type: str
    value: str
    text: str
    field: Literal["subject", "body"]
    start: int
    end: int


class Request(TypedDict):
    """The ticket as received, before any step ran.

    Attributes:
        ticket_id: UUID in text form.
        tenant: Whose ticket it is; only that tenant's articles and tickets may help with it.
        subject: One line, as received.
        body: The customer's text, as received.
        customer_name: Name to greet, or ``None``.
        customer_email: The customer's own address, or ``None``.
        channel: Where the ticket came from ("email", "web", ...), or ``None``.
        requested_priority: What the caller asked for; ``None`` leaves it to the engine.
        received_at: RFC 3339 instant in UTC; relative dates in the text refer to it.
        timezone: IANA name of the customer's time zone, such as ``Europe/Berlin``.
        masked: Card and account numbers found on arrival, masked; their digits were starred out in
            subject and body too, without moving a character.
        parts: The customer's own words, quotes, signatures and notices told apart, on arrival; not there for tickets
            of earlier releases, whose parts are found when they are asked for.
        headers: Of the mail it was, those that tell whether a person wrote it, by their names in small letters.
        repeats: The ticket of the same sender, less than a day old, that says the same.
        is_wanted: Whether a person has said that it is to be answered, whatever it looks like.
    """

    ticket_id: str
    tenant: str
    subject: str
    body: str
    customer_name: str | None
    customer_email: str | None
    channel: str | None
    requested_priority: Priority | None
    received_at: str
    timezone: str
    masked: list[Entity]
    parts: NotRequired[list[Part]]
    headers: NotRequired[dict[str, str]]
    repeats: NotRequired[str]
    is_wanted: NotRequired[bool]


class Guess(TypedDict):
    """A category and how likely it is, in [0, 1]."""

    category: str
    confidence: float


class Sla(TypedDict):
    """How soon tickets of a category are to be dealt with, counted from their arrival.

    Attributes:
        first_response_h: Hours until the first answer, or ``None`` for no promise.
        resolution_h: Hours until the ticket is solved, or ``None`` for no promise.
    """

    first_response_h: float | None
    resolution_h: float | None


class Passage(TypedDict):
    """A piece of an article that may answer the ticket.

    Attributes:
        article_id: UUID in text form.
        article_version: The version the text was taken from.
        title: The article's title.
        text: The passage, verbatim from the article's body.
        start: Its first character in that body, zero-based.
        score: Relevance; higher is better, comparable within one search only.
        confidence: How likely this passage answers the ticket, or one question of it, in [0, 1].
        speaks_to: The sentences of the ticket it has to do with; not there in searches of earlier releases.
    """

    article_id: str
    article_version: int
    title: str
    text: str
    start: int
    score: float
    confidence: float
    speaks_to: NotRequired[list[str]]


class SimilarTicket(TypedDict):
    """A ticket like this one, and what a person approved as its answer; without personal data.

    Attributes:
        ticket_id: UUID in text form.
        score: Cosine of the two questions, in [-1, 1].
        question: The beginning of what was asked.
        reply: What was sent.
    """

    ticket_id: str
    score: float
    question: str
    reply: str


class Citation(TypedDict):
    """A sentence of the answer and where it comes from, verbatim.

    Attributes:
        article_id: UUID in text form.
        article_version: The version that is quoted; it can be read for ever.
        title: The article's title in that version.
        quote: The sentence.
        start: Its first character in the body of that version, zero-based.
        end: One past its last character.
    """

    article_id: str
    article_version: int
    title: str
    quote: str
    start: int
    end: int


class Problem(TypedDict):
    """Something review found wrong with a draft.

    Attributes:
        code: ``ungrounded``, ``personal_data``, ``promise``, ``tone``, ``forbidden``, ``incomplete``,
            ``empty``, or ``rejected`` when a person sent the draft back.
        detail: What is wrong, in words for the agent; never repeats personal data.
        quote: The citation's quote to leave out next time, where one is to blame.
    """

    code: str
    detail: str
    quote: NotRequired[str]


def cite(passage: Passage, quote: str) -> Citation:
    """Build the citation of a sentence that is in a passage, where it first is."""
    start = passage["start"] + max(passage["text"].find(quote), 0)
    return Citation(
        article_id=passage["article_id"],
        article_version=passage["article_version"],
        title=passage["title"],
        quote=quote,
        start=start,
        end=start + len(quote),
    )


def own_text(request: Request) -> str:
    """Return what this customer says here, and what they forward: no quotes, signatures, notices or frames."""
    return join_words(request["body"], find_parts(request))


def own_text_in_place(request: Request) -> str:
    """Return the body with blanks for all but the customer's words, what they forward, and fields they filled in.

    What is found in it has its place in the body.
    """
    return blank_others(request["body"], find_parts(request))


def find_parts(request: Request) -> list[Part]:
    """Return what in the body is whose: as it was found on arrival, or where it was not, now."""
    known = request.get("parts")
    return split_mail(request["subject"], request["body"], request["customer_name"]) if known is None else known


def wanted_of(request: Request) -> tuple[str, str]:
    """Return the subject, or the topic chosen in a form, and the own text without pasted logs: what sorts a ticket."""
    parts = find_parts(request)
    title = find_topic(request["body"], parts) or request["subject"]
    own = join_words(request["body"], parts)
    words = drop_printed(own)
    return title, words if words.strip() or title else own


def question_of(request: Request) -> str:
    """Return subject and own text of a request as one text, for classifying and searching; see ``wanted_of``."""
    return question_text(*wanted_of(request))


def question_text(subject: str, own: str) -> str:
    """Join a subject and somebody's own words for classifying and searching, leaving out repetition.

    Returns:
        The first 20,000 characters of each; the subject alone when there are no words below it.
    """
    subject, own = (_BLANKS.sub(" ", each).strip()[:MAX_QUESTION_CHARACTERS] for each in (subject, own))
    if not own or own.lower().startswith(subject.rstrip(" .…").lower()):
        return own or subject
    return f"{subject}\n{own}"
