"""The embedded ``Extractor``: patterns with checksums and context, no model."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

import phonenumbers

from ticketflow.engines.embedded.facts.amounts import find_amounts
from ticketflow.engines.embedded.facts.dates import find_dates
from ticketflow.engines.embedded.facts.error_codes import find_error_codes
from ticketflow.engines.embedded.facts.expected import Expected, expect
from ticketflow.engines.embedded.facts.found import Found, keep_first
from ticketflow.engines.embedded.facts.ids import announced_kind, find_ids, load_id_words
from ticketflow.engines.embedded.facts.places import find_country
from ticketflow.engines.embedded.facts.replies import find_answers
from ticketflow.engines.embedded.taxonomy import Taxonomy
from ticketflow.masking import mask_payment_numbers
from ticketflow.workflow.state import Entity, Request, find_parts, own_text_in_place
from ticketflow.workflow.steps.personal_data import find_emails, find_links
from ticketflow.workflow.usage import EngineCall, record_engine_call

# Facts sit near the top; a pasted log must not hold a worker. Of 20,000 characters that are all dates or numbers, facts
# take 0.3 s.
MAX_CHARACTERS = 20_000
_FIELDS: tuple[Literal["subject", "body"], ...] = ("subject", "body")
_MANY_DIGITS = re.compile(r"(?:\d[\s().+/-]*){7}")
# 300 phone numbers. The matcher takes 0.2 ms for each candidate: a paste of figures must not hold a worker.
_ALL_DIGITS_READ = re.compile(r"(?:\D*+\d){3000}")
_E164 = phonenumbers.PhoneNumberFormat.E164
_BARE_DIGITS = re.compile(r"\A\d+\Z")
_IS_WHOLE = phonenumbers.ValidationResult.IS_POSSIBLE
_PHONE_WORD = re.compile(rf"\b(?:{'|'.join(load_id_words()['phones'])})\b", re.IGNORECASE)
_PHONE_WORD_BEFORE = re.compile(rf"{_PHONE_WORD.pattern}\W*(?:\w+\W+){{0,3}}\Z", re.IGNORECASE)


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
        known, expected = self._learned
        if self._taxonomy is not None and (taxonomy := self._taxonomy()) is not known:
            expected = expect(taxonomy)
            self._learned = (taxonomy, expected)  # one assignment: threads see the old pair or the new one
        received_at, timezone = parse_instant(request["received_at"]), request["timezone"]
        texts = {"subject": request["subject"], "body": own_text_in_place(request)}
        record_engine_call(EngineCall(engine="embedded/extractor"))
        facts = {
            name: find_facts(texts[name][:MAX_CHARACTERS], language, received_at, timezone, expected)
            for name in _FIELDS
        }
        answers = find_answers(request["subject"], request["body"][:MAX_CHARACTERS], find_parts(request))
        facts["body"] = keep_first([*facts["body"], *answers])
        return [
            Entity(type=found.type, value=found.value, text=found.text, field=name, start=found.start, end=found.end)
            for name in _FIELDS
            for found in facts[name]
        ]


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
    country = find_country(language, timezone)
    return keep_first(
        [
            *find_links_and_emails(text),
            *find_payment_numbers(text),
            *(found for ids in learned.ids if not ids.is_plain for found in ids.find(text)),
            *find_error_codes(text),
            *find_dates(text, language, received_at, timezone),
            *find_amounts(text, country),
            *learned.products.find(text),
            *find_ids(text),
            *(found for ids in learned.ids if ids.is_plain for found in ids.find(text)),
            *find_phone_numbers(text, country),
        ]
    )


def parse_instant(written: str) -> datetime:
    """Read an RFC 3339 instant; one without offset counts as UTC."""
    instant = datetime.fromisoformat(written)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def find_payment_numbers(text: str) -> list[Found]:
    """Find cards and IBANs; all but what identifies them to their owner is starred.

    A stored ticket has none any more: this is for text that was never stored, as in an evaluation.
    """
    return [
        Found(number.kind, number.value, number.text, number.start, number.end)
        for number in mask_payment_numbers(text)[1]
    ]


def find_links_and_emails(text: str) -> list[Found]:
    """Find web addresses and e-mail addresses (the latter in small letters)."""
    links = [Found("url", text[s:e], text[s:e], s, e) for s, e in find_links(text)]
    return links + [Found("email", text[s:e].lower(), text[s:e], s, e) for s, e in find_emails(text)]


def find_phone_numbers(text: str, country: str | None) -> list[Found]:
    """Find phone numbers and normalise them to E.164.

    A number is one where its grouping is customary in its country; in any other, or in none, only behind a plus or
    after a word that says so. Numbers that words announce as something else are none.

    Args:
        text: Any text.
        country: ISO 3166 code: the country of numbers written without one.
    """
    if not _MANY_DIGITS.search(text):
        return []
    read = _ALL_DIGITS_READ.match(text)
    shown = read[0] if read else text
    said = (
        [
            match
            for match in phonenumbers.PhoneNumberMatcher(shown, country, phonenumbers.Leniency.POSSIBLE)
            if phonenumbers.is_possible_number_with_reason(match.number) == _IS_WHOLE
            and (
                match.raw_string.startswith("+")
                or _PHONE_WORD_BEFORE.search(shown, max(0, match.start - 40), match.start)
            )
        ]
        if "+" in shown or _PHONE_WORD.search(shown)
        else []
    )
    taken = {match.start for match in said}
    customary = [
        match
        for match in phonenumbers.PhoneNumberMatcher(shown, country, phonenumbers.Leniency.STRICT_GROUPING)
        if match.start not in taken
        and not _BARE_DIGITS.match(match.raw_string)
        and announced_kind(shown, match.start) is None
    ]
    return [
        Found("phone", phonenumbers.format_number(match.number, _E164), match.raw_string, match.start, match.end)
        for match in [*said, *customary]
    ]
