"""The embedded ``Extractor``: patterns with checksums and context, no model."""

from datetime import UTC, datetime
from typing import Literal

from ticketflow.engines.embedded.facts.amounts import find_amounts
from ticketflow.engines.embedded.facts.contact import find_links_and_emails, find_phone_numbers
from ticketflow.engines.embedded.facts.dates import find_dates
from ticketflow.engines.embedded.facts.found import Found, keep_first
from ticketflow.engines.embedded.facts.ids import find_ids, is_order_word_before
from ticketflow.engines.embedded.facts.payment import find_payment_numbers
from ticketflow.workflow.state import Entity, Request
from ticketflow.workflow.usage import Spoken, record_spoken

# Facts sit near the top; a pasted log must not hold a worker.
MAX_CHARACTERS = 50_000


class EmbeddedExtractor:
    """Finds ids, contact details, amounts, dates, links and (masked) payment numbers."""

    def extract(self, request: Request, language: str) -> list[Entity]:
        """List facts in order of appearance, subject first."""
        received_at = parse_instant(request["received_at"])
        record_spoken(Spoken(engine="embedded/extractor"))
        return [
            *_entities("subject", request["subject"], language, received_at),
            *_entities("body", request["body"], language, received_at),
        ]


def find_facts(text: str, language: str, received_at: datetime) -> list[Found]:
    """Find all facts in one text; where two claim the same characters the stronger evidence wins."""
    payment = [found for found in find_payment_numbers(text) if not _is_order_number(text, found)]
    return keep_first(
        [
            *find_links_and_emails(text),
            *payment,
            *find_dates(text, language, received_at),
            *find_amounts(text),
            *find_ids(text),
            *find_phone_numbers(text, language),
        ]
    )


def parse_instant(written: str) -> datetime:
    """Read an RFC 3339 instant; one without offset counts as UTC."""
    instant = datetime.fromisoformat(written)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _is_order_number(text: str, found: Found) -> bool:
    """Digits in one piece after "order" are an order number, whatever their checksum says."""
    return found.type == "card" and text[found.start : found.end].isdigit() and is_order_word_before(text, found.start)


def _entities(field: Literal["subject", "body"], text: str, language: str, received_at: datetime) -> list[Entity]:
    return [
        Entity(type=found.type, value=found.value, text=found.text, field=field, start=found.start, end=found.end)
        for found in find_facts(text[:MAX_CHARACTERS], language, received_at)
    ]
