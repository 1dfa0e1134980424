"""Dates, absolute and relative; dateparser sees only strings that look like one."""

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from ticketflow.engines.embedded.facts.found import Found

_MONTHS = (
    "jan(?:uary|uar|vier)?|enero|feb(?:ruary|ruar|rero)?|f[ée]vr(?:ier)?|mar(?:ch|zo)?|märz|mars|apr(?:il)?|avr(?:il)?"
    "|abril|may|mai|mayo|june?|juni|juin|junio|july?|juli|juil(?:let)?|julio|aug(?:ust)?|ao[uû]t|agosto"
    "|sep(?:t|tember|tembre|tiembre)?|o[ck]t(?:ober|obre|ubre)?|nov(?:ember|embre|iembre)?"
    "|de[cz](?:ember|embre|iembre)?|d[ée]c(?:embre)?|dic(?:iembre)?"
)
_DAYS = "(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_UNITS = "(?:day|week|month|year)s?"
_COUNT = r"(?:\d{1,2}|an?|one|two|three|four|five|six|seven|eight|nine|ten)"
_CANDIDATE = re.compile(
    rf"""(?<![\w./#-])(?:
      \d{{4}}-\d{{2}}-\d{{2}}(?:T[\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?
    | \d{{1,2}}(?P<sep>[./-])\d{{1,2}}(?P=sep)(?:\d{{4}}|\d{{2}})
    | (?:{_MONTHS})\.?\ \d{{1,2}}(?:st|nd|rd|th)?(?:,?\ \d{{4}})?
    | \d{{1,2}}(?:st|nd|rd|th|\.|er)?\ (?:of\ |de\ )?(?:{_MONTHS})\b\.?(?:,?\ (?:de\ )?\d{{4}})?
    | {_COUNT}\ {_UNITS}\ ago
    | vor\ \d{{1,2}}\ (?:tagen?|wochen?|monaten?)
    | il\ y\ a\ \d{{1,2}}\ (?:jours?|semaines?|mois)
    | hace\ \d{{1,2}}\ (?:d[ií]as?|semanas?|mes(?:es)?)
    | (?:last|next|this|on|by|until|since)\ {_DAYS}
    | (?:day\ before\ )?yesterday|(?:day\ after\ )?tomorrow|today
    | gestern|vorgestern|heute|morgen(?!\ fr)|hier|aujourd['’]hui|demain|ayer|hoy
    )(?![\w/]|[.-]\d)""",
    re.IGNORECASE | re.VERBOSE,
)
_WORDS_OF = {
    "de": re.compile(r"gestern|vorgestern|heute|morgen|vor ", re.IGNORECASE),
    "fr": re.compile(r"hier|aujourd|demain|il y a", re.IGNORECASE),
    "es": re.compile(r"ayer|hoy|hace", re.IGNORECASE),
}
_AHEAD = re.compile(r"\A(?:next|this|by|until)\b", re.IGNORECASE)
_LEADING = re.compile(r"\A(?:last|next|this|on|by|until|since) ", re.IGNORECASE)
_SHIFTS = {"today": 0, "yesterday": -1, "tomorrow": 1, "day before yesterday": -2, "day after tomorrow": 2}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WEEK = 7


def find_dates(text: str, language: str, received_at: datetime) -> list[Found]:
    """Find dates and write them as ISO 8601 days.

    Args:
        text: Any text.
        language: ISO 639-1 code; decides names and the order of day and month.
        received_at: What "yesterday" refers to.
    """
    found = []
    for match in _CANDIDATE.finditer(text):
        day = _resolve(match[0].lower(), language, received_at.astimezone(UTC).date())
        if day is not None:
            found.append(Found("date", day.isoformat(), match[0], match.start(), match.end()))
    return found


@lru_cache(maxsize=4096)
def _resolve(written: str, language: str, today: date) -> date | None:
    if written in _SHIFTS and language not in {"de", "fr", "es"}:
        return today + timedelta(days=_SHIFTS[written])
    if (weekday := _LEADING.sub("", written)) in _WEEKDAYS:
        return _weekday(_WEEKDAYS.index(weekday), today, ahead=bool(_AHEAD.match(written)))
    if re.match(r"\d{4}-\d\d-\d\d", written):
        return _iso(written[:10])
    if not any(words.search(written) for code, words in _WORDS_OF.items() if code != language):
        return _parse(written, language, today)
    return None


def _iso(written: str) -> date | None:
    try:
        return date.fromisoformat(written)
    except ValueError:
        return None


def _weekday(wanted: int, today: date, *, ahead: bool) -> date:
    """Return the nearest such weekday before today, or after it when the words look ahead."""
    if ahead:
        return today + timedelta(days=(wanted - today.weekday() - 1) % WEEK + 1)
    return today - timedelta(days=(today.weekday() - wanted - 1) % WEEK + 1)


def _parse(written: str, language: str, today: date) -> date | None:
    import dateparser  # noqa: PLC0415  # slow to import, and most tickets carry no such date

    settings: dict[str, Any] = {
        "RELATIVE_BASE": datetime(today.year, today.month, today.day, 12),  # noqa: DTZ001  # dateparser compares naive
        "PREFER_DATES_FROM": "past",
        "REQUIRE_PARTS": ["day", "month"],
    }
    try:
        parsed = dateparser.parse(written, languages=[language], settings=settings)
    except ValueError:  # a language dateparser does not know
        parsed = dateparser.parse(written, languages=["en"], settings=settings)
    return parsed.date() if parsed else None
