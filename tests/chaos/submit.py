"""Tickets without an API: for tests that break what comes after it."""

from tests.chaos.site import STEPS, Site
from ticketflow.services.submit_ticket import submit_ticket
from ticketflow.storage.session import build_engine, build_session_factory
from ticketflow.storage.tickets import NewTicket
from ticketflow.workflow.state import DEFAULT_TENANT


def submit_directly(site: Site, count: int, subject: str = "Password", *, database_url: str | None = None) -> list[str]:
    """Store tickets and write down that they are accepted; return their ids.

    Args:
        database_url: Leads to the database of a certain server, where there are several.
    """
    engine = build_engine(database_url or site.database_url)
    sessions = build_session_factory(engine)
    ids = []
    for number in range(count):
        new = NewTicket(subject, f"How do I reset my password? {number:05}")
        ids.append(str(submit_ticket(sessions, DEFAULT_TENANT, new, STEPS[0]).ticket_id))
        site.history.record("accepted", ticket=ids[-1])
    engine.dispose()
    return ids
