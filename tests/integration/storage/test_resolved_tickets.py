import pytest

from tests.integration.storage.rows import TENANTS, add_ticket
from ticketflow.storage.models import ResolvedTicket
from ticketflow.storage.resolved_tickets import (
    NO_ENCODER,
    Progress,
    keep_vector,
    list_resolved,
    read_progress,
    record_resolution,
    remove_resolution,
)


@pytest.fixture
def resolve(session):
    def record(ticket=None, tenant="default", question="How?") -> ResolvedTicket:
        ticket = ticket or add_ticket(session, tenant=tenant)
        record_resolution(session, tenant, ticket.id, question, "So.")
        return session.get_one(ResolvedTicket, ticket.id, populate_existing=True)

    return record


def test_progress_is_the_tenant_s_own(session, resolve):
    assert [read_progress(session, tenant) for tenant in TENANTS] == [Progress(0, 0)] * 2
    first, second = resolve(), resolve()
    resolve(tenant="other")

    assert read_progress(session, "default") == Progress(second.revision, 2)
    remove_resolution(session, first.ticket_id)
    assert read_progress(session, "default") == Progress(second.revision, 1)
    assert read_progress(session, "other").count == 1


def test_a_new_answer_takes_the_place_of_the_former_one_under_a_later_revision(session, resolve):
    ticket = add_ticket(session)
    first = resolve(ticket)
    revision, bystander = first.revision, resolve()
    keep_vector(session, first, "minilm", b"vector")

    again = resolve(ticket, question="How then?")

    assert again.revision > bystander.revision > revision
    assert (again.question, again.encoder, again.vector) == ("How then?", NO_ENCODER, b"")
    assert [row.ticket_id for row in list_resolved(session, "default", 0)] == [bystander.ticket_id, ticket.id]


def test_what_came_after_a_revision_is_listed_in_order_and_without_that_revision(session, resolve):
    first, second, third = resolve(), resolve(), resolve()
    resolve(tenant="other")

    assert list_resolved(session, "default", first.revision) == [second, third]
    assert list_resolved(session, "default", third.revision) == []


def test_a_vector_is_kept_for_the_question_it_was_made_of_alone(session, resolve):
    ticket = add_ticket(session)
    stale, other = resolve(ticket), resolve()
    session.expunge(stale)
    resolve(ticket, question="Changed?")

    keep_vector(session, stale, "minilm", b"old")
    keep_vector(session, other, "minilm", b"new")

    rows = {row.ticket_id: row for row in list_resolved(session, "default", 0)}
    for row in rows.values():
        session.refresh(row)
    assert (rows[ticket.id].encoder, rows[ticket.id].vector) == (NO_ENCODER, b"")
    assert (rows[other.ticket_id].encoder, rows[other.ticket_id].vector) == ("minilm", b"new")
