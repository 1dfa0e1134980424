"""Probes, and what callers see while database or broker are away."""

from dataclasses import replace
from functools import partial

import pytest
from celery import Celery
from sqlalchemy import text

from tests.harness.processes import find_free_port
from tests.served import TICKET, Served
from ticketflow.storage.migrate import downgrade
from ticketflow.storage.session import build_engine, build_session_factory
from ticketflow.tasks.broker import check_broker


def test_a_process_with_everything_is_ready(api):
    assert api.get("/healthz").json == {"status": "alive"}
    assert api.get("/readyz").json == {
        "status": "ready",
        "checks": {"database": {"status": "ok"}, "broker": {"status": "ok"}},
    }


def test_without_a_broker_tickets_are_still_accepted(sessions):
    nowhere = Celery(broker=f"amqp://127.0.0.1:{find_free_port()}//")
    api = Served(sessions, check_broker=partial(check_broker, nowhere, 1.0))

    ready = api.get("/readyz")

    assert (ready.status_code, ready.json["status"], ready.json["checks"]["broker"]["status"]) == (
        200,
        "degraded",
        "failed",
    )
    assert api.post("/tickets", json=TICKET).status_code == 202


def test_a_schema_that_is_behind_is_not_ready(api, database_url):
    downgrade(database_url, "base")

    ready = api.get("/readyz")

    assert (ready.status_code, ready.json["status"]) == (503, "unavailable")
    assert "ticketflow db upgrade" in ready.json["checks"]["database"]["detail"]


def test_before_the_migration_callers_are_told_to_come_back(api, database_url):
    downgrade(database_url, "0006")

    answer = api.post("/tickets", json=TICKET)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "not up to date yet" in answer.json["detail"]


def test_a_schema_of_a_newer_version_is_no_reason_to_stop(api, sessions):
    with sessions.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'of a newer version'"))

    ready = api.get("/readyz")

    assert (ready.status_code, ready.json["status"]) == (200, "ready")


def test_without_a_database_callers_are_told_to_come_back(api):
    engine = build_engine(f"postgresql+psycopg://nobody@127.0.0.1:{find_free_port()}/none")
    away = build_session_factory(engine)
    api.app.extensions["ticketflow"] = replace(api.app.extensions["ticketflow"], sessions=away)

    answer, ready = api.post("/tickets", json=TICKET), api.get("/readyz")

    assert (answer.status_code, answer.headers["Retry-After"], answer.mimetype) == (
        503,
        "1",
        "application/problem+json",
    )
    assert (ready.status_code, ready.json["status"], ready.json["checks"]["broker"]["status"]) == (
        503,
        "unavailable",
        "ok",
    )
    assert "127.0.0.1" not in answer.text + ready.text
    assert api.get("/healthz").status_code == 200


NO_ROOM = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON tickets EXECUTE FUNCTION refuse();
"""
BROKEN_PAGE = NO_ROOM.replace("disk_full", "data_corrupted")
OUT_OF_MEMORY = NO_ROOM.replace("disk_full", "out_of_memory")
NO_RIGHT = NO_ROOM.replace("disk_full", "insufficient_privilege")


@pytest.mark.parametrize(
    ("fault", "detail"),
    [
        ("ALTER DATABASE {name} SET default_transaction_read_only = on", "takes no writes just now"),
        (NO_ROOM, "has no room left on its disk"),
        (BROKEN_PAGE, "has met a fault of its own"),
        (OUT_OF_MEMORY, "does not answer"),
        (NO_RIGHT, "does not let this service in everywhere it must go"),
    ],
)
def test_while_nothing_can_be_stored_callers_and_probes_are_told_why(api, sessions, fault, detail):
    with sessions.begin() as session:
        name = session.scalar(text("SELECT current_database()"))
        session.connection().exec_driver_sql(fault.format(name=name))
    sessions.kw["bind"].dispose()

    answers = [api.post("/tickets", json=TICKET), api.post("/tickets", json=TICKET, headers={"Idempotency-Key": "1"})]
    ready = api.get("/readyz")

    assert [(each.status_code, each.headers["Retry-After"], each.mimetype) for each in answers] == [
        (503, "1", "application/problem+json")
    ] * 2
    assert {each.json["detail"] for each in answers} == {f"the database {detail}; repeat the request"}
    assert (ready.status_code, ready.json["checks"]["database"]["detail"]) == (503, detail)


@pytest.mark.parametrize("table", ["tickets", "ticket_events", "ticket_search", "idempotency_keys"])
def test_a_table_that_is_locked_is_not_ready(api, sessions, table):
    with sessions.begin() as other:
        other.execute(text(f"LOCK TABLE {table}"))

        ready = api.get("/readyz")

    assert (ready.status_code, ready.json["checks"]["database"]["detail"]) == (503, "is held up by a lock")


def test_a_first_request_that_a_lock_holds_up_is_not_taken_for_a_second(api, sessions):
    with sessions.begin() as other:
        other.execute(text("LOCK TABLE tickets"))

        first = api.post("/tickets", json=TICKET, headers={"Idempotency-Key": "1"})

    assert (first.status_code, first.headers["Retry-After"]) == (503, "1")
    assert "held up by a lock" in first.json["detail"]
    assert api.post("/tickets", json=TICKET, headers={"Idempotency-Key": "1"}).status_code == 202


def test_looking_whether_tickets_can_be_stored_leaves_nothing_behind(api):
    api.get("/readyz")

    assert (api.count("tickets"), api.count("ticket_events")) == (0, 0)
