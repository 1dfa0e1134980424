import pytest

from tests.integration.storage.rows import DAY, HOUR, NOW, TENANTS, add_delivery, add_endpoint, reread
from ticketflow.errors import ConflictError, NotFoundError, VersionConflictError
from ticketflow.storage.webhooks import (
    MAX_ENDPOINTS,
    EndpointChange,
    NewEndpoint,
    change_endpoint,
    erase_endpoint,
    get_endpoint,
    list_endpoints,
    lock_endpoint,
    record_endpoint,
    rotate_secret,
)

NEW = NewEndpoint("https://crm.example/", ["ticket.failed"], "the CRM")
FAILING = {"failures": 3, "failing_since": NOW - DAY, "rests_until": NOW + HOUR}


def test_an_endpoint_is_the_tenant_s_own(session):
    mine = record_endpoint(session, "default", NEW, "whsec_a")
    foreign = record_endpoint(session, "other", NEW, "whsec_b")

    for read in (get_endpoint, lock_endpoint):
        assert read(session, "default", mine.id) is mine
        with pytest.raises(NotFoundError):
            read(session, "default", foreign.id)
    assert [list_endpoints(session, tenant) for tenant in TENANTS] == [[mine], [foreign]]
    assert (mine.events, mine.description, mine.secret, mine.version) == (["ticket.failed"], "the CRM", "whsec_a", 1)


def test_a_deleted_endpoint_is_gone_with_its_secrets_and_leaves_its_address_free(session):
    endpoint = record_endpoint(session, "default", NEW, "whsec_a")
    rotate_secret(session, endpoint, "whsec_b", HOUR)

    erase_endpoint(endpoint)
    session.flush()

    gone = reread(session, endpoint)
    assert (gone.secret, gone.previous_secret, gone.previous_secret_until, gone.enabled) == ("", None, None, False)
    assert gone.deleted_at is not None
    for read in (get_endpoint, lock_endpoint):
        with pytest.raises(NotFoundError):
            read(session, "default", endpoint.id)
    assert list_endpoints(session, "default") == []
    assert record_endpoint(session, "default", NEW, "whsec_c").id != endpoint.id


def test_there_are_so_many_endpoints_and_no_more_for_each_tenant(session):
    others = [add_endpoint(session) for _ in range(MAX_ENDPOINTS - 1)]
    add_endpoint(session, deleted_at=NOW)
    add_endpoint(session, tenant="other")

    last = record_endpoint(session, "default", NEW, "whsec_a")
    with pytest.raises(ConflictError, match="as many as there may be"):
        record_endpoint(session, "default", NewEndpoint("https://more.example/", []), "whsec_a")

    assert list_endpoints(session, "default") == [*others, last]


def test_an_address_is_one_endpoint_s(session):
    first = record_endpoint(session, "default", NEW, "whsec_a")
    second = add_endpoint(session)

    with pytest.raises(ConflictError, match=str(first.id)):
        record_endpoint(session, "default", NEW, "whsec_a")
    with pytest.raises(ConflictError, match=str(first.id)):
        change_endpoint(session, second, EndpointChange(url=NEW.url))

    change_endpoint(session, first, EndpointChange(url=NEW.url))
    change_endpoint(session, second, EndpointChange(url="https://new.example/"))
    assert (first.url, second.url) == (NEW.url, "https://new.example/")


def test_a_lock_is_for_the_version_that_was_seen(session):
    endpoint = add_endpoint(session, version=3)

    assert lock_endpoint(session, "default", endpoint.id, 3) is endpoint
    assert lock_endpoint(session, "default", endpoint.id) is endpoint
    for seen in (2, 4):
        with pytest.raises(VersionConflictError, match="version 3"):
            lock_endpoint(session, "default", endpoint.id, seen)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"events": ["ticket.failed"]}, {"events": ["ticket.failed"]}),
        ({"description": "new"}, {"description": "new"}),
        ({"description": ""}, {"description": ""}),
        ({"enabled": False}, {"enabled": False}),
        ({"enabled": True}, {}),
    ],
)
def test_a_change_changes_what_it_names_and_the_version(session, changes, expected):
    endpoint = add_endpoint(session, description="old", updated_at=NOW - HOUR)
    names = ("url", "events", "description", "enabled", "secret")
    before = {name: getattr(endpoint, name) for name in names}
    updated_at = endpoint.updated_at

    change_endpoint(session, endpoint, EndpointChange(**changes))

    assert {name: getattr(endpoint, name) for name in names} == before | expected
    assert (endpoint.version, endpoint.updated_at) == (2, updated_at + HOUR)


def test_one_that_is_enabled_again_is_as_good_as_new_and_so_is_what_waits_for_it(session):
    endpoint = add_endpoint(session, enabled=False, disabled_reason="failing", **FAILING)
    other = add_endpoint(session, **FAILING)
    old = {"requested_at": NOW - DAY}
    waiting, elsewhere = add_delivery(session, endpoint, **old), add_delivery(session, other, **old)
    ended = {"status": "failed", "next_attempt_at": None, "finished_at": NOW}
    done = add_delivery(session, endpoint, **old, **ended)
    then, now = done.requested_at, done.finished_at

    change_endpoint(session, endpoint, EndpointChange(enabled=True))

    assert (endpoint.enabled, endpoint.disabled_reason, endpoint.failures) == (True, None, 0)
    assert (endpoint.failing_since, endpoint.rests_until) == (None, None)
    assert [reread(session, each).requested_at for each in (waiting, elsewhere, done)] == [now, then, then]


def test_one_that_is_enabled_already_keeps_its_failures(session):
    endpoint = add_endpoint(session, **FAILING)

    change_endpoint(session, endpoint, EndpointChange(enabled=True))

    assert (endpoint.failures, endpoint.rests_until is None) == (3, False)


def test_a_former_secret_counts_for_a_while(session):
    endpoint = add_endpoint(session, secret="whsec_a")

    rotate_secret(session, endpoint, "whsec_b", HOUR)

    assert (endpoint.secret, endpoint.previous_secret, endpoint.version) == ("whsec_b", "whsec_a", 2)
    assert endpoint.previous_secret_until == endpoint.updated_at + HOUR
