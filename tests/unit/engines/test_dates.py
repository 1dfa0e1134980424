"""Dates in the ways customers write them, resolved against the day they wrote."""

from datetime import UTC, datetime

import pytest

from ticketflow.engines.embedded.facts.calendar_words import CALENDARS
from ticketflow.engines.embedded.facts.dates import find_dates

NOW = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)  # a Thursday


def dates(text, language="en"):
    return [found.value for found in find_dates(text, language, NOW)]


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [
        ("since 2025-12-24", "en", "2025-12-24"),
        ("at 2026-01-15T23:30:00Z", "en", "2026-01-15"),
        ("yesterday", "en", "2026-01-14"),
        ("the day before yesterday", "en", "2026-01-13"),
        ("last Monday", "en", "2026-01-12"),
        ("next Friday", "en", "2026-01-16"),
        ("this Thursday", "en", "2026-01-22"),
        ("by Friday", "en", "2026-01-16"),
        ("March 3rd, 2025", "en", "2025-03-03"),
        ("the 1st of May, 2024", "en", "2024-05-01"),
        ("Dec. 24", "en", "2025-12-24"),
        ("on Jan 5", "en", "2026-01-05"),
        ("two weeks ago", "en", "2026-01-01"),
        ("a year ago", "en", "2025-01-15"),
        ("in two weeks", "en", "2026-01-29"),
        ("on the 3rd", "en", "2026-01-03"),
        ("on the 20th", "en", "2025-12-20"),
        ("03/04/2025", "en", "2025-03-04"),
        ("31/12/2025", "en", "2025-12-31"),
        ("31.12.2025", "en", "2025-12-31"),
        ("12/25/25", "en", "2025-12-25"),
        ("03/04/2025", "de", "2025-04-03"),
        ("3. Mai 2025", "de", "2025-05-03"),
        ("am 24. Dezember", "de", "2025-12-24"),
        ("gestern", "de", "2026-01-14"),
        ("letzten Freitag", "de", "2026-01-09"),
        ("vor drei Tagen", "de", "2026-01-12"),
        ("in zwei Wochen", "de", "2026-01-29"),
        ("le 12 mars 2025", "fr", "2025-03-12"),
        ("le 1er janvier 2026", "fr", "2026-01-01"),
        ("vendredi dernier", "fr", "2026-01-09"),
        ("il y a deux semaines", "fr", "2026-01-01"),
        ("hace 3 días", "es", "2026-01-12"),
        ("el viernes pasado", "es", "2026-01-09"),
        ("5 de marzo de 2025", "es", "2025-03-05"),
        ("dentro de tres días", "es", "2026-01-18"),
        ("due giorni fa", "it", "2026-01-13"),
        ("há 3 dias", "pt", "2026-01-12"),
        ("twee dagen geleden", "nl", "2026-01-13"),
        ("yesterday", "ja", "2026-01-14"),
    ],
)
def test_a_date_refers_to_the_day_the_ticket_came(text, language, value):
    assert dates(text, language) == [value]


@pytest.mark.parametrize(
    "text",
    [
        "in 2019",
        "2024-02-30",
        "31 February",
        "32/13/2025",
        "10.0.19045",
        "hier ist es",
        "may I ask",
        "in 10 minutes",
        "version 1.2.3.4",
        "order 2025-12-24-77",
        "Friday",
    ],
)
def test_what_only_looks_like_a_date_is_left_alone(text):
    assert dates(text) == []


def test_it_may_be_another_day_where_the_customer_is():
    late = datetime(2026, 1, 15, 23, 30, tzinfo=UTC)

    days = [find_dates("today", "en", late, zone)[0].value for zone in ("UTC", "Asia/Tokyo", "America/New_York")]

    assert days == ["2026-01-15", "2026-01-16", "2026-01-15"]


def test_a_month_ago_is_the_last_day_of_a_shorter_month():
    end_of_march = datetime(2026, 3, 31, tzinfo=UTC)

    assert find_dates("a month ago", "en", end_of_march)[0].value == "2026-02-28"


@pytest.mark.parametrize("language", CALENDARS)
def test_every_language_knows_every_word_of_its_own(language):
    words = CALENDARS[language]

    assert (len(words.weekdays), len(words.numbers)) == (7, 10)
    assert all(dates(f"3 {month} 2025", language) for month in ("jan", "apr", "nov"))
