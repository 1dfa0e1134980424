import pytest

from tests.integration.storage.rows import HOUR, NOW, add, add_ticket
from ticketflow.errors import NotFoundError
from ticketflow.storage.classifier_models import (
    NewModel,
    find_by_fingerprint,
    find_publication,
    get_model,
    list_corrected_categories,
    list_models,
    publish_model,
    record_model,
)
from ticketflow.storage.corrections import Change, record_correction
from ticketflow.storage.models import ClassifierModel


def fit(fingerprint: str) -> NewModel:
    return NewModel(fingerprint, {"t": fingerprint}, b"npz", {"f1": 1.0})


def add_version(session, version: int, tenant: str = "default", **values) -> ClassifierModel:
    basic = {"fingerprint": f"f{version}", "taxonomy": {}, "artefact": b""}
    return add(session, ClassifierModel, tenant=tenant, version=version, **basic | values)


def test_the_same_inputs_keep_their_version_and_others_get_the_next_one_of_their_tenant(session):
    first, second = record_model(session, "default", fit("a")), record_model(session, "default", fit("b"))

    again, foreign = record_model(session, "default", fit("a")), record_model(session, "other", fit("a"))

    assert (first.version, second.version) == (1, 2)
    assert again is first
    assert (foreign.tenant, foreign.version) == ("other", 1)
    assert (second.taxonomy, second.artefact, second.metrics) == ({"t": "b"}, b"npz", {"f1": 1.0})


def test_a_fit_is_found_by_its_tenant_and_its_inputs(session):
    mine, foreign = record_model(session, "default", fit("a")), record_model(session, "other", fit("b"))

    assert find_by_fingerprint(session, "default", "a") is mine
    assert find_by_fingerprint(session, "default", "b") is None
    assert find_by_fingerprint(session, "other", "b") is foreign


def test_a_version_is_read_by_tenant_and_number(session):
    add_version(session, 2)
    add_version(session, 1, "other")

    assert get_model(session, "default", 2).version == 2
    for version in (1, 3):
        with pytest.raises(NotFoundError, match=f"no version {version}"):
            get_model(session, "default", version)


def test_versions_are_listed_newest_first(session):
    for version in (1, 3, 2):
        add_version(session, version)
    add_version(session, 4, "other")

    assert [model.version for model in list_models(session, "default")] == [3, 2, 1]


def test_the_last_publication_counts_and_of_two_at_one_instant_the_later_version(session):
    add_version(session, 1, published_at=NOW - HOUR)
    add_version(session, 2)
    add_version(session, 3, published_at=NOW - 2 * HOUR)
    add_version(session, 4, "other", published_at=NOW)
    seen = [find_publication(session, "default").version]
    publish_model(session, "default", 2)
    session.flush()
    seen.append(find_publication(session, "default").version)
    publish_model(session, "default", 1)
    session.flush()
    seen.append(find_publication(session, "default").version)

    assert seen == [1, 2, 2]


def test_without_a_publication_there_is_none(session):
    add_version(session, 1)
    add_version(session, 1, "other", published_at=NOW)

    assert find_publication(session, "default") is None
    with pytest.raises(NotFoundError):
        publish_model(session, "default", 2)


def test_the_newest_settled_category_of_each_ticket_is_listed_oldest_ticket_first(session):
    first, second = add_ticket(session, subject="first"), add_ticket(session, subject="second")
    empty, foreign = add_ticket(session, body=""), add_ticket(session, tenant="other")
    for ticket, field, after in [
        (second, "category", "billing"),
        (first, "category", "account"),
        (first, "category", "shipping"),
        (first, "priority", "high"),
        (empty, "category", "billing"),
        (foreign, "category", "billing"),
    ]:
        record_correction(session, ticket, Change(field, "other", after), None, None)

    settled = list_corrected_categories(session, "default")

    assert [(each.subject, each.body, each.category) for each in settled] == [
        ("first", "Anybody?", "shipping"),
        ("second", "Anybody?", "billing"),
    ]
