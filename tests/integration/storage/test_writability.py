"""Whether a ticket could be stored: who is asked for it, for how long, and what is left of it."""

import psycopg.errors
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.orm import sessionmaker

from tests.integration.storage.rows import add_ticket
from ticketflow.storage.writability import check_writable

TABLES = ("tickets", "ticket_events", "ticket_search", "idempotency_keys")


@pytest.fixture
def checked(engine):
    """Check the database that nothing is committed to."""
    return lambda: check_writable(sessionmaker(engine))


@pytest.mark.parametrize("table", TABLES)
def test_whoever_writes_is_no_hindrance(session, checked, table):
    session.execute(text(f"LOCK TABLE {table} IN ROW EXCLUSIVE MODE"))

    checked()


@pytest.mark.parametrize("table", TABLES)
def test_whoever_keeps_others_from_writing_is_met_though_reading_goes_on(session, checked, table):
    session.execute(text(f"LOCK TABLE {table} IN SHARE MODE"))

    with pytest.raises(OperationalError) as refusal:
        checked()

    assert isinstance(refusal.value.orig, psycopg.errors.LockNotAvailable)


def test_nothing_is_left_behind(session, checked):
    add_ticket(session)
    checked()
    session.rollback()

    assert session.scalar(text("SELECT count(*) FROM tickets")) == 0


def test_a_probe_is_a_ticket_that_fills_a_good_part_of_a_page_and_does_not_wait_for_long(sessions):
    tell = """
        CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            RAISE EXCEPTION USING MESSAGE = concat_ws(' ', current_setting('lock_timeout'),
                current_setting('statement_timeout'), octet_length(new.body));
        END $$;
        CREATE TRIGGER tell AFTER INSERT ON tickets FOR EACH ROW EXECUTE FUNCTION tell();
    """
    with sessions.begin() as session:
        session.connection().exec_driver_sql(tell)

    with pytest.raises(ProgrammingError, match="500ms 2s 1536"):
        check_writable(sessions)
