"""Takes in tickets as the API does once it has read a request."""

import os

from answering import answer
from sqlalchemy import create_engine

from ticketflow.services.submit_ticket import submit_ticket
from ticketflow.storage.session import build_session_factory
from ticketflow.storage.tickets import NewTicket
from ticketflow.workflow.plan import ticket_plan

sessions = build_session_factory(create_engine(os.environ["TICKETFLOW_DATABASE_URL"]))
first_step = ticket_plan().order[0]


def submit(number: int) -> None:
    """Take one in."""
    new = NewTicket("Password", f"How do I reset my password? I have tried {number} times.")
    submit_ticket(sessions, "default", new, first_step)


answer(submit)
