"""The ways to write a date, each with what makes a day of it."""

import re
from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache, partial

from ticketflow.engines.embedded.facts.calendar_words import CalendarWords, list_exceptions, load_calendar

Match = re.Match[str]

WEEK = 7
YEAR = 12  # months
THIS_CENTURY = 2000
SHORT_YEARS = 100
SEARCHED_YEARS = 8  # there is a 29 February in each eight years, around 1900 and 2100 too
# A day without a year that comes so soon is meant, when no word says that it has been.
SOON_DAYS = 45
# A day ahead is not further away than this: "by 12 November", said on the 29th, was to be this month.
AHEAD_DAYS = 270
_BOUNDS = r"(?<![\w./#-])(?:{})(?![\w/]|[.-]\d)"
# The second day of a range follows its dash at once.
_AFTER_RANGE = r"(?:(?<![\w./#-])|(?<=\d[-–])|(?<=\d\.[-–]))(?:{})(?![\w/]|[.-]\d)"
# What ends the first day of a range is seen by its form.
_BEFORE_RANGE = r"(?<![\w./#-])(?:{})"
# Scripts without blanks have no such bounds.
_NO_BOUNDS = r"(?<!\d)(?:{})"
# Languages that write 3.11. for the third of November.
_DOTTED = frozenset({"de", "pl", "cs", "da", "no", "fi", "ru", "uk", "hu", "ro", "tr", "sv"})
_BEFORE_SLASHES = (
    r"(?:on|by|until|till|since|before|after|from|le|du|au|el|del|al|il|dal|dia|em|até|am|vom|bis|zum|op|van|tot)"
)
# Names of months that are other words as well, in English and in small letters.
_WORDS = frozenset({"may", "march", "mar"})
_BEFORE_WORDS = re.compile(
    r"\b(?:on|in|by|since|until|till|of|from|the|before|after|for|last|next)\W+\Z", re.IGNORECASE
)
_JOINT = r"(?: ?[-–] ?| (?:to|and|bis|und|au|et|al|y|e|a|tot|en|do|i) )"
_SENTENCE = re.compile(r"[.!?;\n]\s")
_LOOK_BACK = 80
_CJK_SHIFTS = {
    "昨天|昨日|어제": (-1, 0),
    "今天|今日|오늘": (0, 0),
    "明天|明日|내일": (1, 0),
    "前天|一昨日|그저께": (-2, 0),
    "后天|明後日|모레": (2, 0),
}


@dataclass(frozen=True, slots=True)
class Day:
    """What a written date is read against.

    Attributes:
        today: The customer's day.
        words: How the language speaks of days.
        is_month_first: Whether 3/4 is the fourth of March.
    """

    today: date
    words: CalendarWords
    is_month_first: bool


Resolve = Callable[[Match, Day], date | None]
Form = tuple[str, str, Resolve]


@lru_cache(maxsize=30)
def list_forms(language: str) -> list[tuple[re.Pattern[str], Resolve]]:
    """List the ways to write a date in a language."""
    words = load_calendar(language)
    forms = [
        *_list_figures(is_dotted=language in _DOTTED),
        *_list_named("|".join(words.months)),
        *_list_relative(words),
    ]
    if language == "en":
        forms.append((_BOUNDS, r"(?:on|since|until|by) the (?P<day>\d{1,2})(?:st|nd|rd|th)(?! of)", _read_day_of_month))
    return [(re.compile(bounds.format(form), re.IGNORECASE), resolve) for bounds, form, resolve in forms]


def _list_figures(*, is_dotted: bool) -> Iterator[Form]:
    year = r"(?P<year>(?:19|20)\d\d)"
    day_month = r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\."
    order = r"(?P<one>\d{1,2})(?P<sep>[/-])(?P<two>\d{1,2})(?P=sep)(?P<year>\d{4}|\d{2})"
    slashes = rf"{_BEFORE_SLASHES} (?P<date>(?P<one>\d{{1,2}})/(?P<two>\d{{1,2}}))(?!/|%| of\b)"
    iso = r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})(?:T[\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?"
    for form in (
        iso,
        rf"{year}/(?P<month>\d{{1,2}})/(?P<day>\d{{1,2}})",
        rf"{year}\.(?P<month>\d\d)\.(?P<day>\d\d)\.?",
        rf"{year}\. (?P<month>\d{{1,2}})\. (?P<day>\d{{1,2}})\.?",
    ):
        yield _BOUNDS, form, _read_figures
    yield _BOUNDS, order, _read_order
    yield _BOUNDS, slashes, _read_order
    # With dots the day comes first everywhere.
    yield _AFTER_RANGE, day_month + r"(?P<year>\d{4}|\d{2})", _read_figures
    yield _BEFORE_RANGE, rf"{day_month}?(?={_JOINT}\d{{1,2}}\.\d{{1,2}}\.(?P<year>\d{{4}})?)", _read_figures
    if is_dotted:
        yield _BOUNDS, r"(?P<day>\d{1,2})\. (?P<month>\d{1,2})\. (?P<year>\d{4})", _read_figures
        yield _AFTER_RANGE, r"(?P<day>\d{1,2})\. ?(?P<month>\d{1,2})\.(?! ?\d)", _read_figures
    yield _NO_BOUNDS, r"(?:(?P<year>\d{4})[年년] ?)?(?P<month>\d{1,2})[月월] ?(?P<day>\d{1,2})[日号號일]", _read_figures


def _list_named(months: str) -> Iterator[Form]:
    month = rf"(?P<month>{months})"
    ordinal = r"(?:st|nd|rd|th|\.|er|º)?"
    day = rf"(?P<day>\d{{1,2}}){ordinal}"
    of_year = r"(?:\.?,? (?:de |del )?(?P<year>\d{4}))?"
    for form in (
        rf"{month}\.? {day}(?:,? (?P<year>\d{{4}}))?(?!\d|:\d)",
        rf"{day} ?(?:of |de )?{month}\b{of_year}",
        rf"(?P<day>\d{{1,2}})(?P<sep>[-/.]){month}(?P=sep)(?P<year>\d{{4}}|\d{{2}})",
        rf"{month}-(?P<day>\d{{1,2}})-(?P<year>\d{{4}})",
        rf"(?P<year>(?:19|20)\d\d)\.? {month} {day}",
    ):
        yield _AFTER_RANGE, form, _read_named
    # The first day of a range has its month or its year from the second.
    yield _BEFORE_RANGE, rf"{day}(?={_JOINT}\d{{1,2}}{ordinal} ?(?:of |de )?{month}\b{of_year})", _read_named
    yield _BEFORE_RANGE, rf"{month}\.? {day}(?= ?[-–] ?\d{{1,2}}{ordinal}\b(?:,? (?P<year>\d{{4}}))?)", _read_named


def _list_relative(words: CalendarWords) -> Iterator[Form]:
    amount = rf"(?P<count>\d{{1,3}}|{'|'.join(words.numbers)}) (?P<unit>{'|'.join(words.units)})"
    yield _BOUNDS, "|".join(words.shifts), partial(_read_shift, shifts=words.shifts)
    yield _NO_BOUNDS, "|".join(_CJK_SHIFTS), partial(_read_shift, shifts=_CJK_SHIFTS)
    yield _BOUNDS, f"{words.ago[0]}{amount}{words.ago[1]}", partial(_read_amount, sign=-1)
    yield _BOUNDS, f"{words.within[0]}{amount}{words.within[1]}", partial(_read_amount, sign=1)
    weekday = f"(?P<weekday>{'|'.join(words.weekdays)})"
    back, ahead = f"(?P<back>{words.back})", f"(?P<ahead>{words.ahead})"
    whole = "|".join(filter(None, words.whole_weekdays))
    another = rf" ?[-–/&] ?\w| (?:{list_exceptions('between')}) (?:\w+ )?(?:{whole})"
    for form in (
        f"(?:{back}|{ahead}|{words.near}) {weekday}",
        f"{weekday} (?:{back}|{ahead})(?! (?:{'|'.join(words.weekdays)}))",
        f"(?P<weekday>{whole})(?!{another})",
    ):
        yield _BOUNDS, form, _read_weekday


def _read_figures(match: Match, day: Day) -> date:
    return _place(int(match["month"]), int(match["day"]), match, day)


def _read_order(match: Match, day: Day) -> date:
    """Read figures in the order of the text; what can only be one of them is that."""
    one, two = int(match["one"]), int(match["two"])
    is_month_first = (day.is_month_first and one <= YEAR) or two > YEAR
    return _place(*((one, two) if is_month_first else (two, one)), match, day)


def _read_named(match: Match, day: Day) -> date | None:
    written = match["month"]
    is_dated = match["year"] or re.search(r"\d(?:st|nd|rd|th)", match[0])
    if (
        written in _WORDS
        and not is_dated
        and not _BEFORE_WORDS.search(match.string, max(0, match.start() - 12), match.start())
    ):
        return None
    return _place(_index(day.words.months, written) + 1, int(match["day"]), match, day)


def _place(month: int, of_month: int, match: Match, day: Day) -> date:
    """Place a day in its year, or in the one that is meant."""
    if written := match.groupdict().get("year"):
        year = int(written)
        return date(year + THIS_CENTURY if year < SHORT_YEARS else year, month, of_month)
    years = range(day.today.year - SEARCHED_YEARS, day.today.year + SEARCHED_YEARS + 1)
    there_are = [date(year, month, of_month) for year in years if of_month <= monthrange(year, month)[1]]
    last = max(each for each in there_are if each <= day.today)
    coming = min(each for each in there_are if each > day.today)
    within = {"past": 0, "future": AHEAD_DAYS}.get(look_around(match, day.words) or "", SOON_DAYS)
    return coming if last < day.today and (coming - day.today).days <= within else last


def look_around(match: Match, words: CalendarWords) -> str | None:
    """Name the side of today on which a day lies, as the nearest telling word before it in its sentence says."""
    start = match.start("date") if "date" in match.re.groupindex else match.start()
    before = _SENTENCE.split(match.string[max(0, start - _LOOK_BACK) : start].lower())[-1]
    found = list(words.sides.finditer(before))
    return found[-1].lastgroup if found else None


def _read_shift(match: Match, day: Day, shifts: Mapping[str, tuple[int, int]]) -> date:
    days, months = list(shifts.values())[_index(shifts, match[0])]
    return _add_months(day.today + timedelta(days=days), months)


def _read_weekday(match: Match, day: Day) -> date | None:
    """Return the nearest such weekday before today, or after it where words look ahead.

    None in particular is meant where a habit is told: "every Friday", "Monday to Friday".
    """
    words = day.words
    before = match.string[max(0, match.start("weekday") - 30) : match.start("weekday")].lower()
    if words.habits.search(before):
        return None
    told = match.groupdict()
    names = words.weekdays if "back" in told else words.whole_weekdays
    is_ahead = told.get("ahead") or (not told.get("back") and look_around(match, words) == "future")
    wanted = _index(names, match["weekday"])
    if is_ahead:
        return day.today + timedelta(days=(wanted - day.today.weekday() - 1) % WEEK + 1)
    return day.today - timedelta(days=(day.today.weekday() - wanted - 1) % WEEK + 1)


def _read_amount(match: Match, day: Day, sign: int) -> date:
    written = match["count"]
    count = sign * (int(written) if written.isdecimal() else _index(day.words.numbers, written) + 1)
    unit = _index(day.words.units, match["unit"])
    if unit < 2:  # noqa: PLR2004  # days and weeks
        return day.today + timedelta(days=count * (1, WEEK)[unit])
    return _add_months(day.today, count * (1, YEAR)[unit - 2])


def _read_day_of_month(match: Match, day: Day) -> date:
    """Read "on the 3rd": the last one there was, or the next after "until" and "by"."""
    of_month = int(match["day"])
    first = day.today.replace(day=1)
    is_ahead = match[0][:2].lower() in {"un", "by"} or look_around(match, day.words) == "future"
    if is_ahead:
        return (
            day.today.replace(day=of_month)
            if of_month >= day.today.day
            else _add_months(first, 1).replace(day=of_month)
        )
    return (
        day.today.replace(day=of_month) if of_month <= day.today.day else _add_months(first, -1).replace(day=of_month)
    )


def _add_months(day: date, count: int) -> date:
    """Go on by months; the 31st becomes the last day of a shorter month."""
    year, month = divmod(day.year * YEAR + day.month - 1 + count, YEAR)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _index(patterns: Iterable[str], written: str) -> int:
    return next(index for index, pattern in enumerate(patterns) if re.fullmatch(pattern, written, re.IGNORECASE))
