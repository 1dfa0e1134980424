"""Sessions of an evaluation: engines may try to keep what they work out, and nothing is kept."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ticketflow.evaluation.read_only import read_only

WRITE = text("INSERT INTO pauses (tenant, step) VALUES ('default', 'all')")


def count_pauses(sessions) -> int:
    with sessions() as session:
        return session.execute(text("SELECT count(*) FROM pauses")).scalar_one()


def test_a_transaction_that_wants_a_change_ends_without_it(sessions):
    with read_only(sessions).begin() as session:
        session.execute(WRITE)

    assert count_pauses(sessions) == 0


def test_what_is_stored_can_be_read(sessions):
    with sessions.begin() as session:
        session.execute(WRITE)

    assert count_pauses(read_only(sessions)) == 1


def test_a_change_outside_a_transaction_of_its_own_is_refused_aloud(sessions):
    with read_only(sessions)() as session, pytest.raises(DBAPIError, match="read-only transaction"):
        session.execute(WRITE)


def test_other_errors_pass(sessions):
    with pytest.raises(DBAPIError, match="does not exist"), read_only(sessions).begin() as session:
        session.execute(text("SELECT nothing FROM nowhere"))


def test_other_sessions_on_the_same_database_can_still_write(sessions):
    count_pauses(read_only(sessions))

    with sessions.begin() as session:
        session.execute(WRITE)

    assert count_pauses(sessions) == 1
