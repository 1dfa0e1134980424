"""A burst of tickets on the real servers: all complete inside the declared level, no step twice."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import create_engine, text

TICKETS = 100
# The declared service level of a burst on a two-core machine; typically a tenth of it is used.
SERVICE_LEVEL_S = 60


def test_a_hundred_tickets_at_once_complete_and_no_step_takes_effect_twice(servers_system):
    deadline = time.monotonic() + SERVICE_LEVEL_S
    with ThreadPoolExecutor(16) as pool:
        ids = list(pool.map(lambda i: servers_system.submit(body=f"Where is order 88{i:04}?"), range(TICKETS)))
        tickets = list(pool.map(servers_system.wait, ids))

    assert Counter(ticket["status"] for ticket in tickets) == {"completed": TICKETS}
    assert time.monotonic() < deadline
    engine = create_engine(servers_system.database_url)
    with engine.connect() as connection:
        completed = Counter(
            connection.scalars(
                text("SELECT ticket_id FROM ticket_events WHERE type = 'step.completed' AND ticket_id = ANY(:ids)"),
                {"ids": ids},
            )
        )
        twice = connection.scalar(
            text("""
                SELECT count(*) FROM (SELECT FROM ticket_events WHERE type = 'step.completed'
                GROUP BY ticket_id, step, round HAVING count(*) > 1) AS twice
            """)
        )
    engine.dispose()
    assert set(completed.values()) == {6}
    assert len(completed) == TICKETS
    assert twice == 0
