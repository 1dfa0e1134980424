from itertools import product

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from tests.integration.storage.rows import TENANTS, add_ticket
from ticketflow.storage.idempotency import RepeatableRequest, reserve_key, store_answer
from ticketflow.storage.models import IdempotencyKey

REQUEST = RepeatableRequest("crm", "1", b"digest")
# Each differs from the first in one thing.
OTHERS = [
    ("other", REQUEST),
    ("default", RepeatableRequest("shop", "1", b"digest")),
    ("default", RepeatableRequest("crm", "2", b"digest")),
]


@pytest.mark.parametrize(("tenant", "other"), OTHERS, ids=["tenant", "caller", "key"])
def test_a_key_is_the_caller_s_alone(session, tenant, other):
    ticket = add_ticket(session)

    assert reserve_key(session, "default", REQUEST) is None
    assert reserve_key(session, tenant, other) is None
    store_answer(session, "default", REQUEST, ticket.id, {"mine": 1})

    mine, theirs = reserve_key(session, "default", REQUEST), reserve_key(session, tenant, other)
    assert mine is not None
    assert theirs is not None
    for row in (mine, theirs):
        session.refresh(row)
    assert (mine.response, mine.ticket_id, mine.request_sha256) == ({"mine": 1}, ticket.id, b"digest")
    assert (theirs.response, theirs.ticket_id) == (None, None)


def test_every_combination_of_tenant_caller_and_key_is_a_key_of_its_own(session):
    keys = list(product(TENANTS, ("crm", "shop"), ("1", "2")))
    ticket = add_ticket(session)
    for number, (tenant, caller, key) in enumerate(keys):
        request = RepeatableRequest(caller, key, b"")
        assert reserve_key(session, tenant, request) is None
        store_answer(session, tenant, request, ticket.id, {"number": number})

    stored = session.scalars(select(IdempotencyKey)).all()

    assert {(row.tenant, row.caller, row.key): row.response["number"] for row in stored} == {
        key: number for number, key in enumerate(keys)
    }


def test_the_time_to_wait_for_a_lock_ends_with_the_transaction(engine):
    show = text("SHOW lock_timeout")
    with engine.connect() as connection:
        before = connection.scalar(show)
        connection.rollback()  # so that the session has a transaction of its own to commit
        with Session(connection) as session:
            reserve_key(session, "default", RepeatableRequest("crm", "kept", b""))
            within = session.scalar(show)
            session.execute(text("DELETE FROM idempotency_keys"))
            session.commit()

        assert (before, within, connection.scalar(show)) == ("0", "2s", "0")
