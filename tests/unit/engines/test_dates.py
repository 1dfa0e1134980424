# ruff: noqa: RUF001  # other scripts are what customers write
"""Dates in the ways customers write them, resolved against the day they wrote."""

from datetime import UTC, datetime

import pytest

from ticketflow.engines.embedded.facts.calendar_words import list_calendars, load_calendar
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


@pytest.mark.parametrize("language", list_calendars())
def test_every_language_knows_every_word_of_its_own(language):
    words = load_calendar(language)

    assert (len(words.weekdays), len(words.numbers)) == (7, 10)
    assert all(dates(f"3 {month} 2025", language) for month in ("jan", "apr", "nov"))


SUNDAY = datetime(2026, 11, 29, 21, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "language", "timezone", "values"),
    [
        ("I need it by 24 December.", "en", "UTC", ["2026-12-24"]),
        ("It was promised by 12 November.", "en", "UTC", ["2026-11-12"]),
        ("I ordered on 3 December.", "en", "UTC", ["2025-12-03"]),
        ("The wedding is on 12 June, can you do it?", "en", "UTC", ["2027-06-12"]),
        ("I leave on 5 January", "en", "UTC", ["2027-01-05"]),
        ("I want to return what I bought on 10 November", "en", "UTC", ["2026-11-10"]),
        ("until Dec 7", "en", "UTC", ["2026-12-07"]),
        ("bis spätestens 20. Dezember brauche ich es", "de", "UTC", ["2026-12-20"]),
        ("Ich brauche es bis 20. Dezember", "de", "UTC", ["2026-12-20"]),
        ("J'en ai besoin pour le 24 décembre", "fr", "UTC", ["2026-12-24"]),
        ("Lo necesito para el 24 de diciembre", "es", "UTC", ["2026-12-24"]),
        ("Mi serve entro il 24 dicembre", "it", "UTC", ["2026-12-24"]),
        ("Preciso até 24 de dezembro", "pt", "UTC", ["2026-12-24"]),
        ("Ik heb het nodig voor 24 december", "nl", "UTC", ["2026-12-24"]),
        ("Potrzebuję do 24 grudnia", "pl", "UTC", ["2026-12-24"]),
        ("Zamówiłem 5 listopada 2026", "pl", "UTC", ["2026-11-05"]),
        ("Zamówienie z 05.11.2026", "pl", "UTC", ["2026-11-05"]),
        ("zamówiłem wczoraj", "pl", "UTC", ["2026-11-28"]),
        ("dwa tygodnie temu", "pl", "UTC", ["2026-11-15"]),
        ("w piątek przyszła paczka", "pl", "UTC", ["2026-11-27"]),
        ("Rechnung vom 13.11.", "de", "UTC", ["2026-11-13"]),
        ("zwischen dem 3.12. und dem 7.12.2026", "de", "UTC", ["2026-12-03", "2026-12-07"]),
        ("vom 03.06.-07.06.2026", "de", "UTC", ["2026-06-03", "2026-06-07"]),
        ("vom 03.06-07.06.2015", "de", "UTC", ["2015-06-03", "2015-06-07"]),
        ("vom 03.06. bis 07.06.2026", "de", "UTC", ["2026-06-03", "2026-06-07"]),
        ("vom 3. bis 7. Juni 2026", "de", "UTC", ["2026-06-03", "2026-06-07"]),
        ("3.-7. Juni 2026", "de", "UTC", ["2026-06-03", "2026-06-07"]),
        ("3-7 June 2026", "en", "UTC", ["2026-06-03", "2026-06-07"]),
        ("June 3-7, 2026", "en", "UTC", ["2026-06-03"]),
        ("du 3 au 7 juin 2026", "fr", "UTC", ["2026-06-03", "2026-06-07"]),
        ("del 3 al 7 de junio de 2026", "es", "UTC", ["2026-06-03", "2026-06-07"]),
        ("dal 3 al 7 giugno 2026", "it", "UTC", ["2026-06-03", "2026-06-07"]),
        ("de 3 a 7 de junho de 2026", "pt", "UTC", ["2026-06-03", "2026-06-07"]),
        ("Am 3. 11. 2026", "de", "UTC", ["2026-11-03"]),
        ("le 13/11", "fr", "UTC", ["2026-11-13"]),
        ("el 13/11 pagué", "es", "UTC", ["2026-11-13"]),
        ("on 11/13 I paid", "en", "America/New_York", ["2026-11-13"]),
        ("on 13/11 I paid", "en", "Europe/London", ["2026-11-13"]),
        ("05/11/2026", "en", "Europe/London", ["2026-11-05"]),
        ("05/11/2026", "en", "America/New_York", ["2026-05-11"]),
        ("05/11/2026", "en", "Australia/Sydney", ["2026-11-05"]),
        ("on 15/4/2026 and 2/5/2026", "en", "UTC", ["2026-04-15", "2026-05-02"]),
        ("4/15/2026 and 5/2/2026", "en", "Europe/London", ["2026-04-15", "2026-05-02"]),
        ("05-Nov-2026", "en", "UTC", ["2026-11-05"]),
        ("5/Nov/26", "en", "UTC", ["2026-11-05"]),
        ("Nov-05-2026", "en", "UTC", ["2026-11-05"]),
        ("2026/11/5", "en", "UTC", ["2026-11-05"]),
        ("2026.11.05", "en", "UTC", ["2026-11-05"]),
        ("2026. 11. 5.", "hu", "UTC", ["2026-11-05"]),
        ("2026. november 5.", "hu", "UTC", ["2026-11-05"]),
        ("5. listopadu 2026", "cs", "UTC", ["2026-11-05"]),
        ("5. marraskuuta 2026", "fi", "UTC", ["2026-11-05"]),
        ("5 november 2026", "sv", "UTC", ["2026-11-05"]),
        ("5 Kasım 2026", "tr", "UTC", ["2026-11-05"]),
        ("5 noiembrie 2026", "ro", "UTC", ["2026-11-05"]),
        ("5 листопада 2026", "uk", "UTC", ["2026-11-05"]),
        ("5 Νοεμβρίου 2026", "el", "UTC", ["2026-11-05"]),
        ("11月5日に届きました", "ja", "UTC", ["2026-11-05"]),
        ("2026년 11월 5일", "ko", "UTC", ["2026-11-05"]),
        ("我昨天下单", "zh", "UTC", ["2026-11-28"]),
        ("вчера", "ru", "UTC", ["2026-11-28"]),
        ("два дня назад", "ru", "UTC", ["2026-11-27"]),
        ("The parcel came Friday", "en", "UTC", ["2026-11-27"]),
        ("I need it Friday", "en", "UTC", ["2026-12-04"]),
        ("Can you deliver on Tuesday?", "en", "UTC", ["2026-12-01"]),
        ("Es kam Freitag an", "de", "UTC", ["2026-11-27"]),
        ("Können Sie am Dienstag liefern?", "de", "UTC", ["2026-12-01"]),
        ("Le colis est arrivé mardi", "fr", "UTC", ["2026-11-24"]),
        ("Il pacco è arrivato martedì", "it", "UTC", ["2026-11-24"]),
        ("El paquete llegó el martes", "es", "UTC", ["2026-11-24"]),
        ("Het pakket kwam dinsdag", "nl", "UTC", ["2026-11-24"]),
        ("paketet kom i fredags och på fredag", "sv", "UTC", ["2026-12-04"]),
        ("letzten Monat", "de", "UTC", ["2026-10-29"]),
        ("next week", "en", "UTC", ["2026-12-06"]),
        ("la semaine dernière", "fr", "UTC", ["2026-11-22"]),
        ("la semana pasada", "es", "UTC", ["2026-11-22"]),
        ("vorige week", "nl", "UTC", ["2026-11-22"]),
        ("last night", "en", "UTC", ["2026-11-28"]),
        ("heute Morgen", "de", "UTC", ["2026-11-29"]),
        ("esta mañana", "es", "UTC", ["2026-11-29"]),
        ("hier soir", "fr", "UTC", ["2026-11-28"]),
        ("übermorgen", "de", "UTC", ["2026-12-01"]),
        ("yesterday", "en", "Asia/Tokyo", ["2026-11-29"]),
        ("by the 5th", "en", "UTC", ["2026-12-05"]),
        ("on the 5th", "en", "UTC", ["2026-11-05"]),
    ],
)
def test_a_date_lies_on_the_side_of_today_that_is_meant(text, language, timezone, values):
    assert [found.value for found in find_dates(text, language, SUNDAY, timezone)] == values


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("I may 2 be wrong", "en"),
        ("we march 3 miles", "en"),
        ("at 10.14.31", "en"),
        ("at 10.11.26 it froze", "en"),
        ("um 10.11.26 stürzte es ab", "de"),
        ("firmware 10.11.26", "en"),
        ("iOS 10.11.", "de"),
        ("Version 2.3.", "de"),
        ("Kapitel 3.2. lesen", "de"),
        ("open Monday to Friday", "en"),
        ("Monday-Friday", "en"),
        ("every Friday", "en"),
        ("Black Friday", "en"),
        ("Montag bis Freitag", "de"),
        ("jeden Freitag", "de"),
        ("du lundi au vendredi", "fr"),
        ("24/7", "en"),
        ("on 1/2 of the days", "en"),
        ("13/11", "fr"),
        ("10.11.", "en"),
        ("Fridays", "en"),
    ],
)
def test_what_only_looks_like_a_day_is_none(text, language):
    assert [found.value for found in find_dates(text, language, SUNDAY)] == []
