"""Dates, absolute and relative to the day on which the customer wrote."""

import re
from contextlib import suppress
from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

from ticketflow.engines.embedded.facts.calendar_words import list_exceptions, load_calendar
from ticketflow.engines.embedded.facts.date_forms import Day, list_forms
from ticketflow.engines.embedded.facts.found import Found, keep_first
from ticketflow.engines.embedded.facts.places import find_country

# Countries in which 3/4 is the fourth of March (CLDR, short date of the region), if English is written.
_MONTH_FIRST = frozenset({"US", "PH", "FM", "GU", "PR", "AS", "VI", "MP", "MH", "PW"})
_NUMERIC = re.compile(r"(?<![\d./-])(\d{1,2})[/-](\d{1,2})[/-](?:\d{4}|\d{2})(?![\d/-])")
_MONTHS = 12
# More is a log somebody pasted.
MAX_DATES = 1000


def find_dates(text: str, language: str, received_at: datetime, timezone: str = "UTC") -> list[Found]:
    """Find dates and write them as ISO 8601 days.

    Args:
        text: Any text.
        language: ISO 639-1 code; decides words and the order of day and month. English where we lack it.
        received_at: What "yesterday" refers to, an aware instant.
        timezone: IANA name of the customer's time zone: late in the evening it is another day elsewhere.
    """
    # Day or month first: from the dates of the text that can be read one way only, else from place and language.
    numbers = ((int(match[1]), int(match[2])) for match in islice(_NUMERIC.finditer(text), MAX_DATES))
    orders = {one < two for one, two in numbers if max(one, two) > _MONTHS}
    is_usual = language == "en" and find_country(language, timezone) in _MONTH_FIRST
    is_month_first = orders.pop() if len(orders) == 1 else is_usual
    today = received_at.astimezone(ZoneInfo(timezone)).date()
    day = Day(today, load_calendar(language), is_month_first=is_month_first)
    found = []
    for pattern, resolve in list_forms(language):
        for match in islice(pattern.finditer(text), MAX_DATES):
            with suppress(ValueError, OverflowError):  # 31 February, or a year no calendar has
                read = resolve(match, day)
                if read and not _is_other(match):
                    span = match.span("date" if "date" in pattern.groupindex else 0)
                    found.append(Found("date", read.isoformat(), text[slice(*span)], *span))
    return keep_first(sorted(found, key=lambda each: each.start - each.end))  # the longest reading wins


def _is_other(match: re.Match[str]) -> bool:
    """Tell a version, a part of a text or an hour from a date written in figures."""
    if not re.fullmatch(r"\d[\d. ]*", match[0]):
        return False
    before = match.string[max(0, match.start() - 20) : match.start()].lower()
    is_hour = re.fullmatch(r"[0-2]?\d\.[0-5]\d\.(?:[0-5]\d)?\.?", match[0])
    is_numbered = re.search(rf"(?<!\w)(?:{list_exceptions('number')})[ :=]{{0,2}}v?\Z", before)
    return bool(is_numbered or (is_hour and re.search(rf"(?<!\w)(?:{list_exceptions('hour')})\s\Z", before)))
