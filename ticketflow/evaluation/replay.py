"""Stored tickets through a new version: what would have come of them, beside what did. Nothing is written."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ticketflow.evaluation.answers import cited_in, reply_of, resolution_of
from ticketflow.evaluation.measured import Measured, Section, Yardstick, hits
from ticketflow.evaluation.metrics import similarity
from ticketflow.evaluation.rows import Gold, Row
from ticketflow.evaluation.run import Outcome
from ticketflow.storage.models import Ticket
from ticketflow.storage.session import Sessions
from ticketflow.storage.tickets import TicketFilter, build_request, page_tickets

PAGE = 500
NOT_YET = "-"
CHOICES = ("category", "priority", "sentiment", "language", "resolution")


def read_tickets(
    sessions: Sessions, tenant: str, status: str, since: datetime | None, limit: int | None
) -> list[Ticket]:
    """Read tickets that a step has worked on, newest first.

    Args:
        sessions: Of a database that this only reads.
        tenant: Whose tickets.
        status: Which of them.
        since: Aware instant since which they came, or ``None`` for all.
        limit: How many at most, or ``None`` for all.
    """
    found: list[Ticket] = []
    wanted = TicketFilter(status=status, created_after=since)
    while limit is None or len(found) < limit:
        with sessions() as session:
            page = page_tickets(session, tenant, wanted, PAGE)
            session.expunge_all()
        found += [ticket for ticket in page if "category" in ticket.state]
        if len(page) < PAGE:
            break
        wanted = replace(wanted, before_id=page[-1].id)
    return found[:limit]


def build_rows(tickets: Sequence[Ticket]) -> list[Row]:
    """Make a row of each ticket as it was received."""
    return [Row(str(ticket.id), build_request(ticket), Gold()) for ticket in tickets]


def build_replay(tickets: Sequence[Ticket]) -> Section:
    """Make what compares outcomes with what came of the tickets."""
    stored = {str(ticket.id): Outcome(ticket.state) for ticket in tickets}

    def measure(rows: Sequence[Row], outcomes: Sequence[Outcome], _: Yardstick) -> Measured:
        pairs = [(stored[row.place], outcome) for row, outcome in zip(rows, outcomes, strict=True)]
        measured = Measured()
        for what in CHOICES:
            choices = [(choice_of(then, what), choice_of(now, what)) for then, now in pairs]
            measured.rowwise[f"same_{what}"] = hits([then == now for then, now in choices])
            measured.pairs[what] = choices
        measured.rowwise["answered_then"] = hits([choice_of(then, "resolution") == "answered" for then, _ in pairs])
        measured.rowwise["answered_now"] = hits([choice_of(now, "resolution") == "answered" for _, now in pairs])
        measured.rowwise["same_articles"] = hits([cited_in(then) == cited_in(now) for then, now in pairs])
        measured.rowwise["reply_similarity"] = hits([similarity(reply_of(then), reply_of(now)) for then, now in pairs])
        return measured

    return Section("replay", ("finalize",), lambda row: row.place in stored, measure)


def list_changes(tickets: Sequence[Ticket], outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """List the tickets something else would have come of, and what, newest first."""
    changes = []
    for ticket, now in zip(tickets, outcomes, strict=True):
        then = Outcome(ticket.state)
        different = {
            what: [before, after]
            for what in CHOICES
            if (before := choice_of(then, what)) != (after := choice_of(now, what))
        }
        if cited_in(then) != cited_in(now):
            different["articles"] = [_titles(then), _titles(now)]
        if different or now.error:
            changes.append({"id": str(ticket.id), "subject": ticket.subject, "changes": different, "error": now.error})
    return changes


def choice_of(outcome: Outcome, what: str) -> str:
    """Return one thing that was decided about a ticket."""
    if what == "resolution":
        return resolution_of(outcome) if "draft" in outcome.state else NOT_YET
    return str(outcome.state.get(what) or NOT_YET)


def _titles(outcome: Outcome) -> str:
    citations: Sequence[Mapping[str, Any]] = outcome.state.get("citations") or ()
    return ", ".join(dict.fromkeys(str(citation["title"]) for citation in citations)) or NOT_YET
