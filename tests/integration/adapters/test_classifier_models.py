"""One classifier for all processes: fitted once, published at will, improved by what people correct."""

from dataclasses import replace

import pytest
import time_machine
from sqlalchemy import text

from tests.word_encoder import WordEncoder
from ticketflow.adapters.classifier_models import (
    CHECK_EVERY_S,
    StoredModels,
    find_published_taxonomy,
    read_classifiers,
    republish_classifier,
    train_classifier,
)
from ticketflow.engines.embedded.classify import artefact, training
from ticketflow.engines.embedded.classify.classifier import EmbeddedClassifier
from ticketflow.engines.embedded.taxonomy import Category, Sla, Taxonomy
from ticketflow.errors import NotFoundError, TransientError
from ticketflow.storage.corrections import Change, record_correction
from ticketflow.storage.session import build_engine, build_session_factory
from ticketflow.storage.tickets import NewTicket, build_ticket
from ticketflow.workflow.state import DEFAULT_TENANT

FILE = Taxonomy(
    (
        Category("shipping", "Parcels and delivery.", "Shipping", ("where is my parcel", "the delivery is late")),
        Category("billing", "Money and invoices.", "Billing", ("i want my money back", "send me an invoice")),
        Category("other", "Anything else.", "Care"),
    ),
    "other",
)
OTHER_TEAMS = replace(FILE, categories=tuple(replace(each, team="Everybody") for each in FILE.categories))


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def correct(sessions, body, *categories):
    with sessions.begin() as session:
        ticket = build_ticket("default", NewTicket(subject="Help", body=body), "classify")
        session.add(ticket)
        session.flush()
        for category in categories:
            record_correction(session, ticket, Change("category", "other", category), None, None)


def test_the_file_is_fitted_by_the_first_process_and_read_by_the_others(sessions):
    first, second = WordEncoder(), WordEncoder()
    one = StoredModels(sessions, first, FILE, DEFAULT_TENANT).fitted()

    other = StoredModels(sessions, second, FILE, DEFAULT_TENANT).fitted()

    assert (first.texts > 0, second.texts) == (True, 0)
    assert other.taxonomy == one.taxonomy == FILE
    assert other.probabilities("my parcel") == pytest.approx(one.probabilities("my parcel"), abs=0.01)


def test_a_published_version_counts_over_the_file_within_seconds(sessions, clock):
    models = StoredModels(sessions, WordEncoder(), FILE, DEFAULT_TENANT, clock=clock)
    classifier = EmbeddedClassifier(WordEncoder(), models)
    assert classifier.classify("", "where is my parcel").team == "Shipping"

    train_classifier(sessions, WordEncoder(), OTHER_TEAMS, DEFAULT_TENANT)

    assert models.taxonomy == FILE
    clock.now += CHECK_EVERY_S
    assert models.taxonomy == OTHER_TEAMS
    assert classifier.classify("", "where is my parcel").team == "Everybody"
    assert StoredModels(sessions, WordEncoder(), FILE, DEFAULT_TENANT).taxonomy == OTHER_TEAMS


def test_what_people_corrected_is_learnt(sessions):
    correct(sessions, "the zebra is broken", "shipping", "billing")
    correct(sessions, "nobody knows", "gone")

    trained = train_classifier(sessions, WordEncoder(), FILE, DEFAULT_TENANT)

    guess = StoredModels(sessions, WordEncoder(), FILE, DEFAULT_TENANT).fitted().probabilities("zebra broken")
    assert max(guess, key=guess.__getitem__) == "billing"
    assert (trained.learnt, trained.passed_over) == (1, {"gone": 1})


def test_the_same_inputs_keep_their_version(sessions):
    first = train_classifier(sessions, WordEncoder(), FILE, DEFAULT_TENANT)

    again = train_classifier(sessions, WordEncoder(), FILE, DEFAULT_TENANT)

    assert (first.version, again.version) == (1, 1)


def test_there_is_a_way_back(sessions):
    train_classifier(sessions, WordEncoder(), FILE, DEFAULT_TENANT)
    train_classifier(sessions, WordEncoder(), OTHER_TEAMS, DEFAULT_TENANT)

    republish_classifier(sessions, 1, DEFAULT_TENANT)

    assert find_published_taxonomy(sessions, DEFAULT_TENANT) == FILE
    published, versions = read_classifiers(sessions, DEFAULT_TENANT)
    assert (published, [version.version for version in versions]) == (1, [2, 1])
    with pytest.raises(NotFoundError, match="there is no version 7"):
        republish_classifier(sessions, 7, DEFAULT_TENANT)


def test_what_was_published_last_counts_whatever_a_machine_takes_for_the_time(sessions):
    train_classifier(sessions, WordEncoder(), FILE, DEFAULT_TENANT)

    with time_machine.travel("2001-01-01"):
        train_classifier(sessions, WordEncoder(), OTHER_TEAMS, DEFAULT_TENANT)

    assert find_published_taxonomy(sessions, DEFAULT_TENANT) == OTHER_TEAMS


def test_a_fit_of_the_file_is_not_a_publication(sessions):
    StoredModels(sessions, WordEncoder(), FILE, DEFAULT_TENANT).fitted()

    assert find_published_taxonomy(sessions, DEFAULT_TENANT) is None
    assert StoredModels(sessions, WordEncoder(), OTHER_TEAMS, DEFAULT_TENANT).taxonomy == OTHER_TEAMS


def test_another_tenants_version_is_not_used(sessions):
    train_classifier(sessions, WordEncoder(), OTHER_TEAMS, tenant="other")

    assert StoredModels(sessions, WordEncoder(), FILE, DEFAULT_TENANT).taxonomy == FILE


def test_a_version_of_another_recipe_is_fitted_again(sessions, monkeypatch):
    train_classifier(sessions, WordEncoder(), OTHER_TEAMS, DEFAULT_TENANT)
    monkeypatch.setattr(artefact, "RECIPE", training.RECIPE + 1)

    fitted = StoredModels(sessions, WordEncoder(), FILE, DEFAULT_TENANT).fitted()

    assert fitted.taxonomy == OTHER_TEAMS
    assert fitted.probabilities("my parcel")["shipping"] > 0.5


def test_a_database_away_is_no_reason_to_stop_sorting(sessions, clock):
    models = StoredModels(sessions, WordEncoder(), FILE, DEFAULT_TENANT, clock=clock)
    fitted = models.fitted()
    clock.now += CHECK_EVERY_S
    with sessions.begin() as session:
        session.execute(text("ALTER TABLE classifier_models RENAME TO classifier_models_away"))

    assert models.fitted() is fitted


def test_without_database_or_model_the_ticket_is_tried_again_later():
    nowhere = build_session_factory(build_engine("postgresql+psycopg://nobody@127.0.0.1:1/none"))

    with pytest.raises(TransientError, match="the classifier cannot be read just now"):
        StoredModels(nowhere, WordEncoder(), FILE, DEFAULT_TENANT).fitted()


def test_a_promise_is_told_with_the_label():
    hasty = replace(FILE.categories[0], sla=Sla(first_response_h=4, resolution_h=None))
    taxonomy = replace(FILE, categories=(hasty, *FILE.categories[1:]))

    label = EmbeddedClassifier(WordEncoder(), taxonomy).classify("", "where is my parcel")

    assert label.sla == {"first_response_h": 4, "resolution_h": None}
