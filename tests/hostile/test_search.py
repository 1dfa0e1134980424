"""PostgreSQL reads strangers' texts too: none may keep its sender waiting, nor whoever searches."""

import pytest
from sqlalchemy import text

from tests.hostile.shapes import SHAPES, build_text
from ticketflow.services.valid_text import UNSTORABLE
from ticketflow.storage.tickets import NewTicket, TicketFilter, page_tickets, record_ticket
from ticketflow.workflow.state import DEFAULT_TENANT

LONGEST, LONGEST_QUERY = 100_000, 500  # characters: the API's limits
STORABLE = [shape for shape in SHAPES if not UNSTORABLE.search(build_text(shape, 100))]


@pytest.fixture
def session(sessions):
    """Give a transaction whose statements have a limit: most take 0.03 s, none over 0.3 s."""
    with sessions() as session:
        session.execute(text("SET LOCAL statement_timeout = '10s'"))
        yield session


@pytest.mark.parametrize("part", range(4))
def test_a_ticket_of_any_shape_is_stored_while_its_sender_waits(session, part):
    for shape in STORABLE[part::4]:
        assert record_ticket(session, DEFAULT_TENANT, NewTicket(shape, build_text(shape, LONGEST)), "read"), shape


def test_a_query_of_any_shape_is_answered(session):
    for shape in STORABLE:
        assert page_tickets(session, DEFAULT_TENANT, TicketFilter(query=build_text(shape, LONGEST_QUERY)), 1) == []
