"""A correction is kept whatever runs meanwhile, and disturbs none of it."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.fakes import FakeKnowledge, FakeWriter, fake_passage, fake_tools
from ticketflow.adapters.owners import Owner
from ticketflow.errors import ConflictError, InvalidInputError, VersionConflictError
from ticketflow.services.correct_ticket import Correction, correct_ticket
from ticketflow.services.queue_wait import QueueWait
from ticketflow.services.run_step import StepRunner
from ticketflow.services.submit_ticket import submit_ticket
from ticketflow.storage.due import claim_due
from ticketflow.storage.leases import Claim
from ticketflow.storage.models import Ticket, TicketCorrection
from ticketflow.storage.tickets import NewTicket
from ticketflow.workflow.outcomes import Committed
from ticketflow.workflow.plan import ticket_plan

AN_HOUR = timedelta(hours=1)
OWNERS = {"shipping": Owner("Shipping", {"first_response_h": 2.0, "resolution_h": None}), "account": Owner("Accounts")}


@pytest.fixture
def ticket_id(sessions):
    return submit_ticket(
        sessions, "default", NewTicket("Password", "How do I reset my password?"), "classify"
    ).ticket_id


@pytest.fixture
def correct(sessions, ticket_id):
    """Correct the ticket as it stands."""

    def say(seen=None, **fields):
        with sessions() as session:
            version = session.get_one(Ticket, ticket_id).version
        return correct_ticket(sessions, "default", ticket_id, Correction("key-1", **fields), seen or version, OWNERS)

    return say


@pytest.fixture
def run_all(sessions, ticket_id):
    def run(tools):
        runner = StepRunner(sessions, ticket_plan(), tools, QueueWait(AN_HOUR))
        with sessions.begin() as session:
            (dispatched,) = claim_due(session, 1, AN_HOUR, ticket_plan().lineage)
        return [runner.run(Claim(ticket_id, step, dispatched.generation)) for step in ticket_plan().order]

    return run


def test_a_correction_made_while_a_step_thinks_is_there_when_it_has_finished(sessions, ticket_id, correct, run_all):
    class Interrupted(FakeWriter):
        def answer(self, brief):
            correct(category="shipping", priority="urgent")
            return super().answer(brief)

    outcomes = run_all(fake_tools(writer=Interrupted()))

    assert all(isinstance(outcome, Committed) for outcome in outcomes)
    with sessions() as session:
        state = session.get_one(Ticket, ticket_id).state
        kept = session.scalars(select(TicketCorrection).order_by(TicketCorrection.field)).all()
    assert (state["category"], state["team"], state["priority"]) == ("shipping", "Shipping", "urgent")
    assert state["result"]["team"] == "Shipping"
    assert state["reasons"]["priority"] == "a person corrected it"
    assert [(each.field, each.before, each.after) for each in kept] == [
        ("category", "account", "shipping"),
        ("priority", "normal", "urgent"),
    ]


def test_what_is_promised_follows_the_category(correct, run_all):
    run_all(fake_tools())

    first, second = (correct(category=name) for name in ("shipping", "account"))

    assert first["sla"]["first_response_due_at"] > first["created_at"]
    assert (first["sla"]["resolution_due_at"], second["sla"]) == (None, None)


def test_a_correction_that_a_step_under_way_would_overwrite_is_refused(correct, run_all):
    refused = []

    class Interrupted(FakeKnowledge):
        def search(self, *args):
            with pytest.raises(VersionConflictError):
                correct(seen=1, category="shipping")
            with pytest.raises(InvalidInputError, match="choose one of account, shipping"):
                correct(category="shiping")
            return super().search(*args)

    class Classifier:
        categories = fake_tools().classifier.categories

        def classify(self, *args):
            with pytest.raises(ConflictError, match="step 'classify' has not finished"):
                correct(priority="low")
            refused.append("priority")
            return fake_tools().classifier.classify(*args)

    outcomes = run_all(fake_tools(classifier=Classifier(), knowledge=Interrupted([fake_passage()])))

    assert all(isinstance(outcome, Committed) for outcome in outcomes)
    assert refused == ["priority"]
