"""Put right what the engine found out about a ticket, and keep it to learn from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func

from ticketflow.adapters.owners import Owner, Owners, find_owner
from ticketflow.errors import ConflictError, InvalidInputError
from ticketflow.masking import mask_all, mask_text
from ticketflow.services.views import describe_ticket
from ticketflow.storage.corrections import Change, record_correction
from ticketflow.storage.events import record_event
from ticketflow.storage.models import Ticket
from ticketflow.storage.operations import lock_ticket
from ticketflow.storage.session import Sessions
from ticketflow.workflow.events import EventType
from ticketflow.workflow.state import PRIORITIES, Entity, Priority
from ticketflow.workflow.steps.classify import find_due

# The step that finds a field out; until it has, a correction would be overwritten.
FOUND_BY = {"category": "classify", "priority": "classify", "entities": "extract"}
# What decided a priority, once a person has.
CORRECTED = "a person corrected it"


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person puts right; ``None`` leaves a field as it is.

    Attributes:
        by: Id of their API key.
        entities: All facts of the ticket, in place of those that were found.
        note: Why, in their words.
    """

    by: str
    category: str | None = None
    priority: Priority | None = None
    entities: Sequence[Entity] | None = None
    note: str | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """What is put right, by field."""
        given = {"category": self.category, "priority": self.priority, "entities": self.entities}
        return {name: value for name, value in given.items() if value is not None}


def correct_ticket(
    sessions: Sessions, tenant: str, ticket_id: UUID, correction: Correction, seen: int, owners: Owners
) -> dict[str, Any]:
    """Correct what is known of a ticket, wherever it stands; no step under way is disturbed.

    A corrected priority also moves the ticket's place in the queue, a corrected category its team and
    until when it is promised.

    Args:
        tenant: Whose ticket it must be.
        seen: The version of the ticket they read.
        owners: The categories there are, and who looks after them.

    Raises:
        NotFoundError: There is no such ticket.
        VersionConflictError: It changed since.
        ConflictError: The step that finds a field out has not finished, and would overwrite it.
        InvalidInputError: There is no such category, or an entity is not in the ticket.
    """
    note = correction.note and mask_text(correction.note)
    with sessions.begin() as session:
        ticket = lock_ticket(session, tenant, ticket_id, seen)
        changes = find_changes(ticket, correction)
        ticket.state = {**ticket.state, **{change.field: change.after for change in changes}}
        if correction.category is not None:
            hand_over(ticket, find_owner(owners, correction.category, "category"))
        if correction.priority is not None:
            ticket.priority = PRIORITIES.index(correction.priority)
            ticket.state = {**ticket.state, "reasons": ticket.state["reasons"] | {"priority": CORRECTED}}
        ticket.version += 1
        ticket.updated_at = func.now()
        for change in changes:
            record_correction(session, ticket, change, correction.by, note)
        detail = {"fields": [change.field for change in changes], "by": correction.by}
        record_event(session, ticket, EventType.TICKET_CORRECTED, detail=detail)
        session.flush()
        session.refresh(ticket)
        return describe_ticket(ticket)


def find_changes(ticket: Ticket, correction: Correction) -> list[Change]:
    """Compare a correction with what the steps found out.

    Raises:
        ConflictError: A step has not found its field out yet.
        InvalidInputError: An entity is not in the ticket.
    """
    given = correction.fields
    for name in given:
        if name not in ticket.state:
            raise ConflictError(
                f"{name}: step {FOUND_BY[name]!r} has not finished and would overwrite it; correct it afterwards"
            )
    if correction.entities is not None:
        given["entities"] = [check_entity(ticket, each, place) for place, each in enumerate(correction.entities)]
    return [Change(name, ticket.state[name], value) for name, value in given.items()]


def check_entity(ticket: Ticket, entity: Entity, place: int) -> Entity:
    """Return an entity as it is kept: payment numbers masked, its text as the ticket has it.

    Raises:
        InvalidInputError: Its place is not in the ticket.
    """
    written = {"subject": ticket.subject, "body": ticket.body}[entity["field"]]
    if not 0 <= entity["start"] < entity["end"] <= len(written):
        raise InvalidInputError(
            f"entities.{place}: characters {entity['start']} to {entity['end']} are not in the {entity['field']},"
            f" which has {len(written)}"
        )
    kept: Entity = mask_all({**entity, "text": written[entity["start"] : entity["end"]]})
    return kept


def hand_over(ticket: Ticket, owner: Owner) -> None:
    """Give a ticket to the team of its new category, also where it has come out already."""
    result: Mapping[str, Any] | None = ticket.state.get("result")
    due = owner.sla and find_due(owner.sla, ticket.created_at.isoformat())
    known = {**ticket.state, "team": owner.team, "sla": due}
    ticket.state = known | {"result": {**result, "team": owner.team}} if result else known
