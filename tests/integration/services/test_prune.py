"""Old tickets go with all that hangs on them; everything that is still of use stays."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, text, update

from tests.served import Served
from ticketflow.services.prune import BATCH, Pruned, Retention, count_prunable, prune
from ticketflow.storage.models import Ticket
from ticketflow.storage.retention import BELONGINGS

HOUR = timedelta(hours=1)
RETENTION = Retention(tickets=HOUR, keys=HOUR, answers=HOUR)
WITH_LEARNED = Retention(tickets=HOUR, keys=HOUR, answers=HOUR, with_learned=True)


@pytest.fixture
def api(sessions):
    return Served(sessions)


def make_old(sessions, table: str = "tickets", column: str = "finished_at") -> None:
    with sessions.begin() as session:
        session.execute(text(f"UPDATE {table} SET {column} = now() - interval '2 hours'"))


def count_rows(sessions, ticket_id: str) -> dict[str, int]:
    """Count a ticket's rows in each table that has any."""
    with sessions() as session:
        counts = {
            model.__tablename__: session.scalar(select(func.count()).where(model.ticket_id == UUID(ticket_id)))
            for model in BELONGINGS
        }
    return {table: count for table, count in counts.items() if count}


def list_tickets(sessions) -> set[str]:
    with sessions() as session:
        return {str(ticket_id) for ticket_id in session.scalars(select(Ticket.id))}


def delete_old(sessions, retention: Retention = RETENTION) -> Pruned:
    return prune(sessions, retention, tell=lambda _: None)


def test_an_old_ticket_goes_with_all_its_rows_and_a_young_one_keeps_them(api, sessions):
    old = api.post("/tickets", json={"subject": "a", "body": "b"}, headers={"Idempotency-Key": "1"}).json["id"]
    api.finish(old)
    make_old(sessions)
    young = api.submit()["id"]
    api.finish(young)
    kept = count_rows(sessions, young)

    expected = count_prunable(sessions, RETENTION)
    pruned = delete_old(sessions)

    assert (expected, pruned) == (Pruned(1, 0, 0), Pruned(1, 0, 0))
    assert list_tickets(sessions) == {young}
    assert count_rows(sessions, old) == {}
    assert count_rows(sessions, young) == kept
    assert {"ticket_events", "ticket_steps", "ticket_search"} <= kept.keys()


def test_every_table_that_refers_to_tickets_is_known(sessions):
    referring = text("SELECT conrelid::regclass::text FROM pg_constraint WHERE confrelid = 'tickets'::regclass")

    with sessions() as session:
        tables = set(session.scalars(referring))

    assert tables - {"tickets"} == {model.__tablename__ for model in BELONGINGS}


def test_what_has_not_ended_well_stays(api, sessions):
    waiting, failed, cancelled = (api.submit()["id"] for _ in range(3))
    api.fail(failed)
    api.post(f"/tickets/{cancelled}/cancel")
    make_old(sessions, column="created_at")
    with sessions.begin() as session:
        session.execute(update(Ticket).where(Ticket.finished_at.is_not(None)).values(finished_at=func.now() - 2 * HOUR))

    delete_old(sessions)

    assert list_tickets(sessions) == {waiting, failed}


def test_what_the_engine_learns_from_stays_unless_asked_for(api, sessions):
    corrected = api.submit()
    api.finish(corrected["id"])
    etag = api.get(f"/tickets/{corrected['id']}").headers["ETag"]
    answer = api.patch(f"/tickets/{corrected['id']}", json={"priority": "low"}, headers={"If-Match": etag})
    assert answer.status_code == 200, answer.text
    make_old(sessions)

    first, then = delete_old(sessions), delete_old(sessions, WITH_LEARNED)

    assert (first.tickets, then.tickets) == (0, 1)
    assert list_tickets(sessions) == set()


def test_the_fork_of_a_deleted_ticket_stays(api, sessions):
    old = api.submit()["id"]
    api.finish(old)
    make_old(sessions)
    fork = api.post(f"/tickets/{old}/fork", json={"step": "draft"}).json["id"]

    delete_old(sessions)

    assert list_tickets(sessions) == {fork}
    assert api.get(f"/tickets/{fork}").status_code == 200


def test_a_ticket_that_somebody_moves_just_now_stays_for_the_next_time(api, sessions):
    old = api.submit()["id"]
    api.finish(old)
    make_old(sessions)

    with sessions.begin() as session:
        session.get_one(Ticket, UUID(old), with_for_update=True)
        meanwhile = delete_old(sessions)
    afterwards = delete_old(sessions)

    assert (meanwhile.tickets, afterwards.tickets) == (0, 1)


def test_old_keys_and_answers_go_batch_by_batch(api, sessions):
    with sessions.begin() as session:
        session.execute(
            text("""
                INSERT INTO idempotency_keys (tenant, caller, key, request_sha256, created_at)
                SELECT 'default', 'crm', n::text, '', now() - make_interval(hours => n % 2 * 2)
                FROM generate_series(1, :count) AS n
            """),
            {"count": 2 * (BATCH + 100)},
        )
        session.execute(
            text("""
                INSERT INTO llm_answers
                    (key, model, prompt_version, answer, input_tokens, output_tokens, cost_usd, created_at)
                SELECT n::text, 'm', 'v1', '{}', 1, 1, 0, now() - make_interval(hours => n * 2)
                FROM generate_series(0, 1) AS n
            """)
        )
    told: list[int] = []

    pruned = prune(sessions, RETENTION, told.append)

    assert pruned == Pruned(0, BATCH + 100, 1)
    assert told == [BATCH, 100, 1, 0]
    assert (api.count("idempotency_keys"), api.count("llm_answers")) == (BATCH + 100, 1)
