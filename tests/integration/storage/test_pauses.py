import pytest
from sqlalchemy import select, text

from tests.integration.storage.rows import HOUR, NOW, add, add_ticket
from ticketflow.storage.models import EVERY_STEP, EVERY_TENANT, Pause
from ticketflow.storage.pauses import IS_PAUSED, list_pauses, record_pause, remove_pause


@pytest.mark.parametrize(
    ("tenant", "step", "is_paused"),
    [
        ("default", "read", True),
        ("default", EVERY_STEP, True),
        (EVERY_TENANT, "read", True),
        (EVERY_TENANT, EVERY_STEP, True),
        ("other", "read", False),
        ("other", EVERY_STEP, False),
        ("default", "send", False),
        (EVERY_TENANT, "send", False),
    ],
)
def test_a_pause_concerns_its_tenant_and_its_step(session, tenant, step, is_paused):
    add_ticket(session, next_step="read")
    record_pause(session, tenant, step, None)

    assert session.scalar(text(f"SELECT {IS_PAUSED} FROM tickets")) is is_paused


def test_pausing_again_replaces_the_reason_of_that_pause_alone(session):
    for tenant, step in (("default", "read"), ("default", "send"), ("other", "read")):
        record_pause(session, tenant, step, "first")
    session.expire_all()

    again = record_pause(session, "default", "read", "second")

    assert again.reason == "second"
    rows = session.execute(select(Pause.tenant, Pause.step, Pause.reason)).all()
    assert {tuple(row) for row in rows} == {
        ("default", "read", "second"),
        ("default", "send", "first"),
        ("other", "read", "first"),
    }


def test_only_the_pause_that_is_meant_is_removed(session):
    others = [("default", "send"), ("other", "read"), (EVERY_TENANT, "read"), ("default", EVERY_STEP)]
    for tenant, step in [("default", "read"), *others]:
        record_pause(session, tenant, step, None)

    removed = remove_pause(session, "default", "read"), remove_pause(session, "default", "read")

    assert removed == (True, False)
    assert {(pause.tenant, pause.step) for pause in list_pauses(session)} == set(others)


def test_pauses_are_listed_oldest_first_then_by_tenant_and_step(session):
    for tenant, step in (("default", "send"), ("default", "read"), (EVERY_TENANT, "send"), ("other", "read")):
        record_pause(session, tenant, step, None)
    add(session, Pause, tenant="default", step="check", created_at=NOW - HOUR)

    concerning = [(pause.tenant, pause.step) for pause in list_pauses(session, "default")]

    first = [("default", "check"), (EVERY_TENANT, "send"), ("default", "read"), ("default", "send")]
    assert concerning == first
    assert [(pause.tenant, pause.step) for pause in list_pauses(session)] == [*first, ("other", "read")]
