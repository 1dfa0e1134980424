"""Dates, absolute and relative to the day on which the customer wrote."""

import re
from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache, partial
from zoneinfo import ZoneInfo

from ticketflow.engines.embedded.facts.calendar_words import CALENDARS, ENGLISH, MONTHS, CalendarWords
from ticketflow.engines.embedded.facts.found import Found, keep_first

Match = re.Match[str]
Resolve = Callable[[Match, date], date | None]

WEEK = 7
YEAR = 12  # months
THIS_CENTURY = 2000
SHORT_YEARS = 100
# Languages in which 3/4 is the fourth of March.
_MONTH_FIRST = frozenset({"en"})
_MONTH = "|".join(MONTHS)
_BOUNDS = r"(?<![\w./#-])(?:{})(?![\w/]|[.-]\d)"


def find_dates(text: str, language: str, received_at: datetime, timezone: str = "UTC") -> list[Found]:
    """Find dates and write them as ISO 8601 days.

    Args:
        text: Any text.
        language: ISO 639-1 code; decides words and the order of day and month. English where we lack it.
        received_at: What "yesterday" refers to, an aware instant.
        timezone: IANA name of the customer's time zone: late in the evening it is another day elsewhere.
    """
    today = received_at.astimezone(ZoneInfo(timezone)).date()
    found = [
        Found("date", day.isoformat(), match[0], match.start(), match.end())
        for pattern, resolve in _forms(language)
        for match in pattern.finditer(text)
        if (day := _try(resolve, match, today))
    ]
    return keep_first(sorted(found, key=lambda each: each.start - each.end))  # the longest reading wins


def _try(resolve: Resolve, match: Match, today: date) -> date | None:
    try:
        return resolve(match, today)
    except (ValueError, OverflowError):  # 31 February, or a year no calendar has
        return None


@lru_cache
def _forms(language: str) -> list[tuple[re.Pattern[str], Resolve]]:
    """List the ways to write a date, each with what makes a day of it."""
    words = CALENDARS.get(language, ENGLISH)
    forms = [*_absolute_forms(is_month_first=language in _MONTH_FIRST), *_relative_forms(words)]
    return [(re.compile(_BOUNDS.format(pattern), re.IGNORECASE), resolve) for pattern, resolve in forms]


def _absolute_forms(*, is_month_first: bool) -> Iterator[tuple[str, Resolve]]:
    yield r"(\d{4}-\d{2}-\d{2})(?:T[\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?", lambda match, _: date.fromisoformat(match[1])
    numeric = r"(?P<one>\d{1,2})(?P<sep>[./-])(?P<two>\d{1,2})(?P=sep)(?P<year>\d{4}|\d{2})"
    yield numeric, partial(_read_numeric, is_month_first=is_month_first)
    yield rf"(?P<month>{_MONTH})\.? (?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:,? (?P<year>\d{{4}}))?", _read_named
    day = r"(?P<day>\d{1,2})(?:st|nd|rd|th|\.|er|º)? (?:of |de )?"
    yield rf"{day}(?P<month>{_MONTH})\b(?:\.?,? (?:de )?(?P<year>\d{{4}}))?", _read_named


def _relative_forms(words: CalendarWords) -> Iterator[tuple[str, Resolve]]:
    weekday = f"(?P<weekday>{'|'.join(words.weekdays)})"
    back, ahead = f"(?P<back>{words.back})", f"(?P<ahead>{words.ahead})"
    amount = rf"(?P<count>\d{{1,3}}|{'|'.join(words.numbers)}) (?P<unit>{'|'.join(words.units)})"
    yield "|".join(words.shifts), partial(_read_shift, shifts=words.shifts)
    yield f"(?:{back}|{ahead}|{words.near}) {weekday}", partial(_read_weekday, words=words)
    yield f"{weekday} (?:{back}|{ahead})", partial(_read_weekday, words=words)
    yield f"{words.ago[0]}{amount}{words.ago[1]}", partial(_read_amount, words=words, sign=-1)
    yield f"{words.within[0]}{amount}{words.within[1]}", partial(_read_amount, words=words, sign=1)
    if words is ENGLISH:
        yield r"(?:on|since|until|by) the (?P<day>\d{1,2})(?:st|nd|rd|th)(?! of)", _read_day_of_month


def _read_shift(match: Match, today: date, shifts: dict[str, int]) -> date:
    return today + timedelta(days=list(shifts.values())[_index(shifts, match[0])])


def _read_numeric(match: Match, _: date, *, is_month_first: bool) -> date:
    one, two, year = int(match["one"]), int(match["two"]), int(match["year"])
    is_swapped = is_month_first and match["sep"] != "."
    month, day = (one, two) if (is_swapped and one <= YEAR) or two > YEAR else (two, one)
    return date(year + THIS_CENTURY if year < SHORT_YEARS else year, month, day)


def _read_named(match: Match, today: date) -> date:
    """Read a day of a month; without a year, the last one there was."""
    month, day = _index(MONTHS, match["month"]) + 1, int(match["day"])
    if match["year"]:
        return date(int(match["year"]), month, day)
    this_year = date(today.year, month, day)
    return this_year if this_year <= today else date(today.year - 1, month, day)


def _read_weekday(match: Match, today: date, words: CalendarWords) -> date:
    """Return the nearest such weekday before today, or after it when the words look ahead."""
    wanted = _index(words.weekdays, match["weekday"])
    if match["ahead"]:
        return today + timedelta(days=(wanted - today.weekday() - 1) % WEEK + 1)
    return today - timedelta(days=(today.weekday() - wanted - 1) % WEEK + 1)


def _read_amount(match: Match, today: date, words: CalendarWords, sign: int) -> date:
    written = match["count"]
    count = sign * (int(written) if written.isdecimal() else _index(words.numbers, written) + 1)
    unit = _index(words.units, match["unit"])
    if unit < 2:  # noqa: PLR2004  # days and weeks
        return today + timedelta(days=count * (1, WEEK)[unit])
    return _add_months(today, count * (1, YEAR)[unit - 2])


def _read_day_of_month(match: Match, today: date) -> date:
    """Read "on the 3rd": the last one there was."""
    day = int(match["day"])
    return today.replace(day=day) if day <= today.day else _add_months(today.replace(day=1), -1).replace(day=day)


def _add_months(day: date, count: int) -> date:
    """Go on by months; the 31st becomes the last day of a shorter month."""
    year, month = divmod(day.year * YEAR + day.month - 1 + count, YEAR)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _index(patterns: Iterable[str], written: str) -> int:
    return next(index for index, pattern in enumerate(patterns) if re.fullmatch(pattern, written, re.IGNORECASE))
