"""Waiting for a ticket: soon told, cheaply asked."""

import pytest
from sqlalchemy import event, update

from ticketflow.services.read_tickets import wait_for_ticket
from ticketflow.storage.models import Ticket
from ticketflow.workflow.state import DEFAULT_TENANT

LONG_S = 60


@pytest.fixture
def statements(sessions):
    """Collect what is asked of the database."""
    engine, asked = sessions.kw["bind"], []

    def keep(_connection, _cursor, statement, *_):
        asked.append(statement)

    event.listen(engine, "before_cursor_execute", keep)
    yield asked
    event.remove(engine, "before_cursor_execute", keep)


class Pauses:
    """Lets no time pass, and ends the ticket in the third pause."""

    def __init__(self, sessions, ticket_id) -> None:
        self.lengths_s: list[float] = []
        self._sessions, self._ticket_id = sessions, ticket_id

    def __call__(self, pause_s: float) -> bool:
        self.lengths_s.append(pause_s)
        if len(self.lengths_s) == 3:
            with self._sessions.begin() as session:
                ended = {"status": "completed", "wake_at": None}
                session.execute(update(Ticket).where(Ticket.id == self._ticket_id).values(ended))
        return True


def test_a_wait_looks_after_ten_milliseconds_and_reads_the_whole_ticket_only_at_its_ends(sessions, submit, statements):
    ticket_id = submit()
    statements.clear()
    pauses = Pauses(sessions, ticket_id)

    shown = wait_for_ticket(sessions, DEFAULT_TENANT, ticket_id, LONG_S, pauses)

    assert (shown["status"], len(pauses.lengths_s)) == ("completed", 3)
    assert pauses.lengths_s[0] == 0.01
    assert sum("tickets.body" in statement for statement in statements) == 2


def test_who_does_not_go_on_waiting_sees_the_ticket_as_it_stands(sessions, submit):
    ticket_id = submit()

    assert wait_for_ticket(sessions, DEFAULT_TENANT, ticket_id, LONG_S, lambda _: False)["status"] == "queued"
