import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import IntegrityError

from tests.harness.postgres import Postgres
from ticketflow.services.submit_ticket import submit_ticket
from ticketflow.storage.migrate import SchemaAge, check, downgrade, find_schema_age, upgrade
from ticketflow.storage.models import Ticket, TicketEvent
from ticketflow.storage.session import build_engine
from ticketflow.storage.tickets import NewTicket


@pytest.fixture
def ticket_id(sessions):
    return submit_ticket(sessions, "default", NewTicket("Hello", "Anybody?"), "read").ticket_id


def test_migrations_run_up_down_and_up_again(postgres_server: Postgres):
    postgres_server.execute("CREATE DATABASE {}", "migrations")
    url = postgres_server.build_url("migrations")
    engine = build_engine(url)

    upgrade(url)
    check(url)
    assert find_schema_age(engine) is SchemaAge.CURRENT
    downgrade(url, "base")
    assert find_schema_age(engine) is SchemaAge.EMPTY
    with engine.connect() as connection:
        left = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S')"
        assert connection.scalars(text(left)).all() == ["alembic_version"]
    upgrade(url)
    check(url)

    engine.dispose()
    postgres_server.execute("DROP DATABASE {}", "migrations")


@pytest.mark.parametrize("change", [update(TicketEvent).values(type="a.b"), delete(TicketEvent)])
def test_the_trail_cannot_be_changed(sessions, ticket_id, change):
    with pytest.raises(IntegrityError, match="append-only"), sessions.begin() as session:
        session.execute(change)

    with sessions() as session:
        assert session.scalars(select(TicketEvent.type)).all() == ["ticket.received"]


def test_the_trail_cannot_be_truncated(sessions, ticket_id):
    with pytest.raises(IntegrityError, match="append-only"), sessions.begin() as session:
        session.execute(text("TRUNCATE ticket_events"))


@pytest.mark.parametrize(
    "values",
    [
        {"status": "lost"},
        {"priority": 7},
        {"wake_at": None},
        {"status": "awaiting_approval", "wake_at": None},
        {"lease_token": text("gen_random_uuid()")},
        {"status": "completed"},
    ],
    ids=", ".join,
)
def test_the_database_refuses_a_ticket_that_contradicts_itself(sessions, ticket_id, values):
    with pytest.raises(IntegrityError), sessions.begin() as session:
        session.execute(update(Ticket).values(values))
