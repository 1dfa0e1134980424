"""What people approved helps with the tickets that follow, and tells nothing about who asked."""

import pytest
from sqlalchemy import delete

from ticketflow.adapters.knowledge import StoredKnowledge
from ticketflow.adapters.resolved_tickets import remember_resolution, remove_personal_data
from ticketflow.engines.embedded import shared_encoder
from ticketflow.storage.models import ResolvedTicket, Ticket
from ticketflow.storage.tickets import NewTicket, record_ticket
from ticketflow.workflow.state import DEFAULT_TENANT

QUESTION = "How long do I have to return a jacket?"
REPLY = "Hello Ada Lovelace,\n\nyou have 30 days. Write to ada@example.com or call +49 30 901820 about order A-10021."
SECRETS = ("Ada", "Lovelace", "ada@example.com", "901820", "A-10021")


@pytest.fixture
def resolve(sessions):
    """Submit a ticket and keep an answer to it, as the approval of a person does."""

    def make(body=QUESTION, reply=REPLY, tenant="default"):
        new = NewTicket(
            "Returns",
            f"{body} I am Ada, order A-10021.",
            customer_name="Ada Lovelace",
            customer_email="ada@example.com",
        )
        with sessions.begin() as session:
            ticket = record_ticket(session, tenant, new, "classify")
            ticket.state = {**ticket.state, "entities": [{"type": "order_id", "text": "A-10021"}]}
            remember_resolution(session, ticket, reply)
            return str(ticket.id)

    return make


@pytest.fixture
def knowledge(sessions):
    return StoredKnowledge(sessions, shared_encoder())


def found(knowledge, query="how many days to send a jacket back, how long to return it?", tenant="default"):
    return [each["ticket_id"] for each in knowledge.find_resolved(query, 3, tenant)]


def test_an_approved_answer_is_found_by_the_next_search_of_every_process(sessions, knowledge, resolve):
    other = StoredKnowledge(sessions, shared_encoder())
    assert found(knowledge) == found(other) == []

    ticket_id = resolve()

    assert found(knowledge) == found(other) == [ticket_id]


def test_nothing_personal_is_kept(sessions, resolve):
    resolve()

    with sessions() as session:
        row = session.get_one(ResolvedTicket, session.query(Ticket.id).scalar())
        assert not [secret for secret in SECRETS if secret in row.question + row.reply]
        assert "you have 30 days" in row.reply


def test_another_tenants_answers_are_not_found(knowledge, resolve):
    theirs = resolve(tenant="acme")

    assert (found(knowledge), found(knowledge, tenant="acme")) == ([], [theirs])


def test_a_later_answer_takes_the_place_of_the_former(sessions, knowledge, resolve):
    ticket_id = resolve()
    found(knowledge)
    with sessions.begin() as session:
        remember_resolution(session, session.get_one(Ticket, ticket_id), "You have 60 days.")

    assert [each["reply"] for each in knowledge.find_resolved(QUESTION, 3, DEFAULT_TENANT)] == ["You have 60 days."]


def test_a_deleted_one_is_forgotten(sessions, knowledge, resolve):
    first, second = resolve(), resolve(body="How long do I have to return a coat?")
    found(knowledge)
    with sessions.begin() as session:
        session.execute(delete(ResolvedTicket).where(ResolvedTicket.ticket_id == first))

    assert found(knowledge, "How long can I return a coat?") == [second]


def test_what_asks_for_something_else_is_not_found(knowledge, resolve):
    resolve()

    assert found(knowledge, "The app crashes when I open the camera") == []


def test_words_are_replaced_whole():
    assert remove_personal_data("Dear Ann, Annual plans end.", ["Ann"]) == "Dear […], Annual plans end."
