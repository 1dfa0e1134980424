"""A backlog far above what workers can hold is published about once, however impatient the clock is."""

import os

import pytest
from sqlalchemy import text

TICKETS = int(os.environ.get("CHAOS_BACKLOG", "300"))
# Tickets a second of the slowest machine this has to pass on.
SLOWEST = 3
MOST_PUBLICATIONS = 1.1


@pytest.mark.slow
@pytest.mark.timeout(TICKETS / SLOWEST + 100)
def test_a_backlog_with_a_short_grace_is_not_published_again_and_again(fleet):
    insert_tickets(fleet.sessions)
    for name in ("one", "two"):
        fleet.start(name, TICKETFLOW_REDISPATCH_AFTER_S=1)

    fleet.wait_for_completed(TICKETS, TICKETS / SLOWEST)

    ((publications,),) = fleet.query("SELECT avg(generation) FROM tickets")
    assert publications <= MOST_PUBLICATIONS


def insert_tickets(sessions):
    with sessions.begin() as session:
        session.execute(
            text("""
                INSERT INTO tickets (id, subject, body, state, next_step, wake_at)
                SELECT gen_random_uuid(), 'Password ' || number, 'How do I reset my password?',
                       '{"requested_priority": null}', 'classify', now()
                FROM generate_series(1, :tickets) AS number
            """),
            {"tickets": TICKETS},
        )
