"""In-memory stand-ins for every port: deterministic, word overlap instead of models."""

import re
from collections.abc import Sequence

from ticketflow.workflow.ports import Brief, Label, Opinion, Reply, Tools
from ticketflow.workflow.state import (
    DEFAULT_TENANT,
    Entity,
    Guess,
    Passage,
    Priority,
    Request,
    Sentiment,
    SimilarTicket,
    cite,
    own_text_in_place,
)
from ticketflow.workflow.usage import EngineCall, record_engine_call

CATEGORIES = {
    "billing": ("Billing", {"invoice", "bill", "charged", "payment", "card", "refund"}),
    "shipping": ("Shipping", {"order", "parcel", "delivery", "address", "ship", "arrive"}),
    "account": ("Accounts", {"password", "login", "account", "profile", "reset"}),
}
FALLBACK = ("other", "Customer Care")
ANSWER_CONFIDENCE = 0.5


def fake_request(**changes) -> Request:
    request: Request = {
        "ticket_id": "018f6f2e-0000-7000-8000-000000000001",
        "tenant": "default",
        "subject": "Password",
        "body": "How do I reset my password?",
        "customer_name": "Ada Lovelace",
        "customer_email": "ada@example.com",
        "channel": "web",
        "requested_priority": None,
        "received_at": "2026-01-15T10:00:00Z",
        "timezone": "UTC",
        "masked": [],
    }
    return request | changes


def fake_passage(**changes) -> Passage:
    passage: Passage = {
        "article_id": "018f6f2e-0000-7000-8000-00000000000a",
        "article_version": 1,
        "title": "Reset your password",
        "text": "Open the sign-in page to reset your password. Choose the reset link and follow it.",
        "start": 0,
        "score": 1.0,
        "confidence": 0.95,
    }
    return passage | changes


def fake_tools(passages: Sequence[Passage] | None = None, **changes) -> Tools:
    knowledge = FakeKnowledge([fake_passage()] if passages is None else passages)
    parts = {
        "classifier": FakeClassifier(),
        "extractor": FakeExtractor(),
        "knowledge": knowledge,
        "writer": FakeWriter(),
        "reviewer": FakeReviewer(),
    }
    return Tools(**(parts | changes))


class FakeClassifier:
    """Counts words of each category."""

    @property
    def categories(self) -> frozenset[str]:
        return frozenset([*CATEGORIES, FALLBACK[0]])

    def classify(self, subject: str, body: str) -> Label:
        record_engine_call(EngineCall(engine="fake/classifier"))
        found = words(f"{subject} {body}")
        hits = {name: len(found & known) for name, (_, known) in CATEGORIES.items()}
        best = max(hits, key=lambda name: (hits[name], name))
        category, team = (best, CATEGORIES[best][0]) if hits[best] else FALLBACK
        sentiment: Sentiment = "negative" if "terrible" in found else "neutral"
        priority: Priority = "urgent" if "urgent" in found else "normal"
        return Label(
            category=category,
            team=team,
            confidence=0.9 if hits[best] else 0.2,
            alternatives=[Guess(category=name, confidence=0.05) for name in sorted(hits) if name != category][:3],
            language="en",
            sentiment=sentiment,
            priority=priority,
        )


class FakeExtractor:
    """Finds runs of four digits or more and calls them order ids; masks 16 digits."""

    def extract(self, request: Request, language: str) -> list[Entity]:
        record_engine_call(EngineCall(engine="fake/extractor"))
        texts = {"subject": request["subject"], "body": own_text_in_place(request)}
        return [
            self._entity(field, found)
            for field in ("subject", "body")
            for found in re.finditer(r"\b(?:\d{4} ){3}\d{4}\b|\b\d{4,15}\b", texts[field])
        ]

    def _entity(self, field: str, found: re.Match[str]) -> Entity:
        digits = found[0].replace(" ", "")
        kind, value = ("card", "*" * 12 + digits[-4:]) if len(digits) == 16 else ("order_id", digits)
        return Entity(type=kind, value=value, text=value, field=field, start=found.start(), end=found.end())


class FakeKnowledge:
    """Ranks given passages by shared words."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self.passages = list(passages)

    def search(self, query: str, limit: int, tenant: str) -> list[Passage]:
        record_engine_call(EngineCall(engine="fake/knowledge"))
        asked = words(query)
        scored = [passage | {"score": self._score(asked, passage)} for passage in self.passages]
        best: dict[str, Passage] = {}
        for passage in sorted(scored, key=lambda each: (-each["score"], each["article_id"])):
            best.setdefault(passage["article_id"], passage)
        found = [passage for passage in best.values() if passage["score"] > 0]
        return [passage | {"confidence": min(passage["score"], passage["confidence"])} for passage in found][:limit]

    def find_resolved(self, query: str, limit: int, tenant: str) -> list[SimilarTicket]:
        return []

    def explain(self, query: str, limit: int) -> list[dict]:
        return [
            {
                "passage": passage,
                "similarity": passage["score"],
                "lexical": 0.0,
                "evidence": dict.fromkeys(
                    (
                        *("similarity", "nearness", "title", "lead", "overlap_lead"),
                        *("rarity", "sentences", "strange_name", "title_words", "support"),
                    ),
                    0.0,
                ),
            }
            for passage in self.search(query, limit, DEFAULT_TENANT)
        ]

    def _score(self, asked: set[str], passage: Passage) -> float:
        known = words(f"{passage['title']} {passage['text']}")
        return round(len(asked & known) / max(len(asked), 1), 4)


class FakeWriter:
    """Quotes the first sentence review did not object to."""

    def answer(self, brief: Brief) -> Reply | None:
        record_engine_call(EngineCall(engine="fake/writer"))
        banned = {problem.get("quote") for problem in brief.problems}
        for passage in brief.passages:
            quotes = [each for each in re.split(r"(?<=\.)\s+", passage["text"]) if each not in banned]
            if quotes and passage["confidence"] >= ANSWER_CONFIDENCE:
                return Reply(f"Hello,\n\n{quotes[0]}\n\nBye", [cite(passage, quotes[0])], passage["confidence"])
        return None

    def acknowledge(self, brief: Brief) -> Reply:
        record_engine_call(EngineCall(engine="fake/writer"))
        return Reply(f"Hello,\n\nWe passed your message on to our {brief.team} team.\n\nBye", [], 0.0)


class FakeReviewer:
    """Measures how many of the ticket's words the quotes take up; finds nothing wrong."""

    def review(self, brief: Brief, reply: Reply) -> Opinion:
        record_engine_call(EngineCall(engine="fake/reviewer"))
        asked = words(brief.request["body"])
        quoted = words(" ".join(citation["quote"] for citation in reply.citations))
        return Opinion(completeness=round(len(asked & quoted) / max(len(asked), 1), 4), problems=[])


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]{3,}", text.lower()))
