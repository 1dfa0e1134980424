import pytest

from tests.integration.storage.rows import HOUR, NOW, add
from ticketflow.errors import NotFoundError
from ticketflow.storage.keys import find_key, list_keys, record_key, revoke_key
from ticketflow.storage.models import ApiKey


def add_key(session, key_id: str, **values) -> ApiKey:
    return add(session, ApiKey, **{"id": key_id, "name": key_id, "secret_sha256": b"", **values})


def test_a_tenant_s_keys_are_listed_oldest_first_and_those_of_one_instant_by_id(session):
    add_key(session, "b")
    add_key(session, "a")
    add_key(session, "z", created_at=NOW - HOUR, revoked_at=NOW)
    add_key(session, "c", tenant="other", created_at=NOW - 2 * HOUR)

    assert [key.id for key in list_keys(session, "default")] == ["z", "a", "b"]


def test_a_revoked_key_is_still_found(session):
    key = ApiKey(id="a", name="a", tenant="default", secret_sha256=b"digest", revoked_at=NOW)
    record_key(session, key)
    session.expire_all()

    found = find_key(session, "a")

    assert found is not None
    assert found.revoked_at is not None
    assert (found.secret_sha256, find_key(session, "b")) == (b"digest", None)


def test_revoking_concerns_one_key_of_the_tenant_and_keeps_the_first_instant(session):
    wanted, other, earlier = (add_key(session, key) for key in "abc")
    foreign = add_key(session, "d", tenant="other")
    revoked_before = add_key(session, "e", revoked_at=NOW - HOUR).revoked_at

    revoke_key(session, "default", wanted.id)
    revoke_key(session, "default", "e")
    with pytest.raises(NotFoundError, match="no key d"):
        revoke_key(session, "default", foreign.id)

    session.expire_all()
    assert [key.revoked_at is None for key in (wanted, other, earlier, foreign)] == [False, True, True, True]
    assert find_key(session, "e").revoked_at == revoked_before
