"""The embedded ``Extractor``: patterns with checksums and context, no model."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from ticketflow.engines.embedded.facts.amounts import find_amounts
from ticketflow.engines.embedded.facts.contact import find_links_and_emails, find_phone_numbers
from ticketflow.engines.embedded.facts.dates import find_dates
from ticketflow.engines.embedded.facts.error_codes import find_error_codes
from ticketflow.engines.embedded.facts.found import Found, keep_first
from ticketflow.engines.embedded.facts.ids import find_ids
from ticketflow.engines.embedded.facts.learned_ids import LearnedIds, learn_ids
from ticketflow.engines.embedded.facts.payment import find_payment_numbers
from ticketflow.engines.embedded.facts.products import Gazetteer
from ticketflow.engines.embedded.taxonomy import Taxonomy
from ticketflow.workflow.state import Entity, Request
from ticketflow.workflow.usage import Spoken, record_spoken

# Facts sit near the top; a pasted log must not hold a worker. Of 20,000 characters that are all dates or numbers, facts
# take 0.3 s.
MAX_CHARACTERS = 20_000
_FIELDS: tuple[Literal["subject", "body"], ...] = ("subject", "body")


@dataclass(frozen=True, slots=True)
class Expected:
    """What an operator's taxonomy says to look for.

    Attributes:
        ids: Finders of their ids.
        products: Finder of their products.
    """

    ids: list[LearnedIds] = field(default_factory=list)
    products: Gazetteer = field(default_factory=lambda: Gazetteer(()))


class EmbeddedExtractor:
    """Finds ids, products, error codes, contact details, amounts, dates, links and (masked) payment numbers."""

    def __init__(self, taxonomy: Callable[[], Taxonomy] | None = None) -> None:
        """Set where to learn what to look for.

        Args:
            taxonomy: Gives the taxonomy in force; asked for every ticket, since a new one may be published.
        """
        self._taxonomy = taxonomy
        self._learned: tuple[Taxonomy | None, Expected] = (None, Expected())

    def extract(self, request: Request, language: str) -> list[Entity]:
        """List facts in order of appearance, subject first."""
        expected = self._expect()
        received_at, timezone = parse_instant(request["received_at"]), request["timezone"]
        record_spoken(Spoken(engine="embedded/extractor"))
        return [
            Entity(type=found.type, value=found.value, text=found.text, field=name, start=found.start, end=found.end)
            for name in _FIELDS
            for found in find_facts(request[name][:MAX_CHARACTERS], language, received_at, timezone, expected)
        ]

    def _expect(self) -> Expected:
        """Learn from the taxonomy, once for each that is published."""
        if self._taxonomy is None:
            return self._learned[1]
        taxonomy = self._taxonomy()
        known, expected = self._learned
        if taxonomy is not known:
            expected = Expected(learn_ids(taxonomy.ids), Gazetteer(taxonomy.products))
            self._learned = (taxonomy, expected)  # one assignment: threads see the old pair or the new one
        return expected


def find_facts(
    text: str, language: str, received_at: datetime, timezone: str = "UTC", expected: Expected | None = None
) -> list[Found]:
    """Find all facts in one text; where two claim the same characters the stronger evidence wins.

    Args:
        text: Any text.
        language: ISO 639-1 code.
        received_at: Aware instant; relative dates refer to it.
        timezone: IANA name of the customer's time zone.
        expected: What the operator's taxonomy adds.
    """
    learned = expected or Expected()
    return keep_first(
        [
            *find_links_and_emails(text),
            *find_payment_numbers(text),
            *(found for ids in learned.ids if not ids.is_plain for found in ids.find(text)),
            *find_error_codes(text),
            *find_dates(text, language, received_at, timezone),
            *find_amounts(text),
            *learned.products.find(text),
            *find_ids(text),
            *(found for ids in learned.ids if ids.is_plain for found in ids.find(text)),
            *find_phone_numbers(text, language),
        ]
    )


def parse_instant(written: str) -> datetime:
    """Read an RFC 3339 instant; one without offset counts as UTC."""
    instant = datetime.fromisoformat(written)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
