"""The words of dates, per language: days, months, units, numbers, and what points back or ahead."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from babel import Locale
from babel.core import UnknownLocaleError

from ticketflow.shipped import read_shipped

_PATH = Path(__file__).parent / "calendar_words.yaml"
_DEFAULT = "en"
_SHORTEST = 3
# Names of months in the languages customers most often write, in whatever language; none means two different months.
MONTHS = (
    "jan(?:uary|uar|uari|vier)?|enero|gennaio|janeiro",
    "feb(?:ruary|ruar|ruari|rero|braio)?|f[ée]vr(?:ier)?|fevereiro",
    "mar(?:ch|zo|s)?|märz|maart|março",
    "apr(?:il|ile)?|avr(?:il)?|abr(?:il)?",
    "may|mai|mayo|mei|maggio|maio",
    "june?|juni|juin|junio|giugno|junho",
    "july?|juli|juil(?:let)?|julio|luglio|julho",
    "aug(?:ust|ustus)?|ao[uû]t|agosto",
    "sept?(?:ember|embre|iembre)?|settembre|setembro",
    "o[ck]t(?:ober|obre|ubre)?|ottobre|outubro",
    "nov(?:ember|embre|iembre|embro)?",
    "de[cz](?:ember|embre)?|d[ée]c(?:embre)?|dic(?:iembre|embre)?|dezembro",
)


@dataclass(frozen=True, slots=True)
class CalendarWords:
    """How one language speaks of days. Words are regular expressions in small letters, without groups.

    Attributes:
        shifts: Words for a day counted from today: days and months to add.
        weekdays: Monday to Sunday, as short as people write them beside a word such as "last".
        back: Before or after a weekday: the one that was.
        ahead: Before or after a weekday: the one that comes.
        near: Before a weekday, on its own: the one that was, as somebody who writes to support mostly means.
        units: Day, week, month and year, singular or plural.
        numbers: One to ten.
        ago: What an amount of time lies between to mean the past; a blank string for nothing.
        within: The same, for the future.
        sides: Words of what was done (``past``) and of what is to come (``future``).
        habits: What ends before a weekday that is none in particular: "every", "Monday to".
        months: January to December.
        whole_weekdays: Monday to Sunday, as they are written alone.
    """

    shifts: Mapping[str, tuple[int, int]]
    weekdays: tuple[str, ...]
    back: str
    ahead: str
    near: str
    units: tuple[str, ...]
    numbers: tuple[str, ...]
    ago: tuple[str, str]
    within: tuple[str, str]
    sides: re.Pattern[str]
    habits: re.Pattern[str]
    months: tuple[str, ...]
    whole_weekdays: tuple[str, ...]


@lru_cache(maxsize=30)
def load_calendar(language: str) -> CalendarWords:
    """Return the words of a language: English ones where we lack them, with its own names of months and weekdays."""
    known = _load_file()
    words = known.get(language, known[_DEFAULT])
    try:
        names = Locale.parse(language)
    except UnknownLocaleError:
        names = Locale.parse(_DEFAULT)
    listed = {month: _pattern(names.months, ["wide", "abbreviated"], month) for month in range(1, 13)}
    is_own = language in known and language != _DEFAULT
    whole = words["weekdays"] if is_own else [_pattern(names.days, ["wide"], day) for day in range(7)]
    between, weekdays = list_exceptions("between"), "|".join(whole)
    sides = ("|".join(words[side]) for side in ("past", "future"))
    return CalendarWords(
        **{name: words[name] for name in ("weekdays", "back", "ahead", "near", "units", "numbers", "ago", "within")},
        shifts={word: tuple(moves) for word, moves in words["shifts"].items()},
        sides=re.compile(r"(?<!\w)(?:(?P<past>{})|(?P<future>{}))(?!\w)".format(*sides)),
        habits=re.compile(
            rf"(?<!\w)(?:{'|'.join(words['habit'])}) \Z|(?:{weekdays})s?(?: ?[-–/&] ?| (?:{between}) (?:\w{{1,3}} )?)\Z"
        ),
        months=tuple("|".join(filter(None, (listed[place], each))) for place, each in enumerate(MONTHS, start=1)),
        whole_weekdays=tuple(whole),
    )


def list_exceptions(kind: str) -> str:
    """Return a pattern for what is no day although it looks like one: ``number``, ``hour`` or ``between``."""
    return "|".join(_load_file()["none"][kind])


def list_calendars() -> list[str]:
    """List the languages whose words we know."""
    return [language for language in _load_file() if language != "none"]


@cache
def _load_file() -> dict[str, dict[str, Any]]:
    loaded: dict[str, dict[str, Any]] = read_shipped(_PATH)
    return loaded


def _pattern(names: Any, widths: list[str], place: int) -> str:
    """Make a pattern of one name's forms, the longest first, without dots of abbreviations."""
    forms = {names[form][width][place] for form in ("format", "stand-alone") for width in widths}
    bare = {name.rstrip(".\u05f3\u0970").lower() for name in forms}
    known = [name for name in bare if len(name) >= _SHORTEST and not name[0].isdecimal()]
    return "|".join(map(re.escape, sorted(known, key=len, reverse=True)))
