"""Takes in tickets as the API does once it has read a request.

Environment:
    BENCH_TEXTS: File with the subject and body of a ticket on each line, as a JSON list; all the same without one.
"""

import json
import os
from itertools import count, cycle
from pathlib import Path

from answering import answer
from sqlalchemy import create_engine

from ticketflow.services.submit_ticket import submit_ticket
from ticketflow.storage.session import build_session_factory
from ticketflow.storage.tickets import NewTicket
from ticketflow.workflow.plan import ticket_plan

sessions = build_session_factory(create_engine(os.environ["TICKETFLOW_DATABASE_URL"]))
first_step = ticket_plan().order[0]
path = os.environ.get("BENCH_TEXTS")
texts = cycle(map(json.loads, Path(path).read_text().splitlines()) if path else [("Password", "How do I reset it?")])
numbers = count()


def submit(_number: int) -> None:
    """Take one in that nobody has seen before."""
    subject, body = next(texts)
    submit_ticket(sessions, "default", NewTicket(subject, f"{body} {next(numbers)}"), first_step)


answer(submit)
