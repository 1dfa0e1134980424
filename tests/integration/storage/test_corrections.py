import pytest
from sqlalchemy import select

from tests.integration.storage.rows import HOUR, NOW, TICK, add_ticket, change
from ticketflow.storage.corrections import Change, CorrectionFilter, page_corrections, record_correction
from ticketflow.storage.models import TicketCorrection


@pytest.fixture
def correct(session):
    def record(field="category", tenant="default", created_at=NOW) -> TicketCorrection:
        ticket = add_ticket(session, tenant=tenant, subject=f"On {field}", body=tenant)
        record_correction(session, ticket, Change(field, "a", "b"), "key", "a note")
        query = select(TicketCorrection).order_by(TicketCorrection.id.desc()).limit(1)
        correction = session.scalars(query).one()
        change(session, correction, created_at=created_at)
        return correction

    return record


def page(session, limit=10, **wanted) -> list[TicketCorrection]:
    return [each.correction for each in page_corrections(session, "default", CorrectionFilter(**wanted), limit)]


def test_a_correction_keeps_who_made_what_of_what(session, correct):
    made = correct("priority")

    assert (made.tenant, made.field, made.before, made.after) == ("default", "priority", "a", "b")
    assert (made.note, made.corrected_by) == ("a note", "key")
    ((correction, subject, body),) = page_corrections(session, "default", CorrectionFilter(), 10)
    assert (correction, subject, body) == (made, "On priority", "default")


def test_corrections_are_paged_newest_first_for_one_tenant(session, correct):
    first, second, third = correct(), correct("priority"), correct()
    correct(tenant="other")

    assert page(session) == [third, second, first]
    assert page(session, limit=2) == [third, second]
    assert page(session, before_id=third.id) == [second, first]
    assert page(session, field="category") == [third, first]


def test_since_an_instant_includes_that_instant(session, correct):
    before, at = correct(created_at=NOW - HOUR - TICK), correct(created_at=NOW - HOUR)

    assert page(session, since=at.created_at) == [at]
    assert page(session, since=before.created_at) == [at, before]
