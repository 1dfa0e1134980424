"""Take card and account numbers out of a ticket before anything of it is stored."""

from dataclasses import fields, replace
from typing import Literal

from ticketflow.masking import PaymentNumber, mask_all, mask_payment_numbers
from ticketflow.storage.tickets import NewTicket
from ticketflow.workflow.state import Entity

_TEXTS: tuple[Literal["subject", "body"], ...] = ("subject", "body")


def mask_ticket(new: NewTicket) -> NewTicket:
    """Star out card and account numbers in every field, and note those of subject and body.

    Masking a masked ticket changes nothing.
    """
    found: list[Entity] = []
    for name in _TEXTS:
        kept = [entity for entity in new.masked if entity["field"] == name]
        added = [_as_entity(name, number) for number in mask_payment_numbers(getattr(new, name))[1]]
        found += sorted(kept + added, key=lambda entity: entity["start"])
    values = {each.name: mask_all(getattr(new, each.name)) for each in fields(new) if each.name != "masked"}
    return replace(new, **values, masked=found)


def _as_entity(name: Literal["subject", "body"], number: PaymentNumber) -> Entity:
    return Entity(
        type=number.kind, value=number.value, text=number.text, field=name, start=number.start, end=number.end
    )
