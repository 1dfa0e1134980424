"""Probes, and what callers see while database or broker are away."""

from dataclasses import replace
from functools import partial

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
