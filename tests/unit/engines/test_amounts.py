# ruff: noqa: RUF001  # other scripts are what customers write
"""Amounts of money in the ways many countries write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketflow.engines.embedded.facts.amounts import MAX_NUMBERS, find_amounts, plain_number
from ticketflow.engines.embedded.facts.places import find_country


def amounts(text, language="en", timezone="UTC"):
    return [found.value for found in find_amounts(text, find_country(language, timezone))]


@pytest.mark.parametrize(
    ("text", "language", "timezone", "value"),
    [
        ("I paid A$49.95", "en", "UTC", "49.95 AUD"),
        ("$49.95 in Toronto", "en", "America/Toronto", "49.95 CAD"),
        ("$50 USD please", "en", "America/Toronto", "50.00 USD"),
        ("$120 CAD", "en", "UTC", "120.00 CAD"),
        ("US$ 20", "en", "UTC", "20.00 USD"),
        ("ich zahlte 1.299,- €", "de", "UTC", "1299.00 EUR"),
        ("Das kostet 49,-", "de", "UTC", "49.00 EUR"),
        ("€1.234,56", "nl", "UTC", "1234.56 EUR"),
        ("1 234,56 zł", "pl", "UTC", "1234.56 PLN"),
        ("1\xa0234,56 z\u0142", "pl", "UTC", "1234.56 PLN"),
        ("Zapłaciłem 49,99 zł.", "pl", "UTC", "49.99 PLN"),
        ("CHF 1’200.-", "de", "UTC", "1200.00 CHF"),
        ("CHF 49.90", "de", "UTC", "49.90 CHF"),
        ("49.90 CHF", "fr", "UTC", "49.90 CHF"),
        ("Fr. 20.–", "de", "Europe/Zurich", "20.00 CHF"),
        ("20 Franken", "de", "UTC", "20.00 CHF"),
        ("R 1 299,00", "en", "Africa/Johannesburg", "1299.00 ZAR"),
        ("R1,299.00", "en", "UTC", "1299.00 ZAR"),
        ("₱1,250", "en", "UTC", "1250.00 PHP"),
        ("Rs 1,00,000", "en", "UTC", "100000.00 INR"),
        ("Rs. 1,250/-", "en", "UTC", "1250.00 INR"),
        ("₹12,34,567.50", "en", "UTC", "1234567.50 INR"),
        ("2.5 crore rupees", "en", "UTC", "25000000.00 INR"),
        ("3 lakh rupees", "en", "UTC", "300000.00 INR"),
        ("5 euros et 20 centimes", "fr", "UTC", "5.20 EUR"),
        ("5 Euro 50", "de", "UTC", "5.50 EUR"),
        ("3 pounds and 20 pence", "en", "UTC", "3.20 GBP"),
        ("20p", "en", "Europe/London", "0.20 GBP"),
        ("99¢", "en", "UTC", "0.99 USD"),
        ("50 Cent", "de", "UTC", "0.50 EUR"),
        ("2 万円", "ja", "UTC", "20000 JPY"),
        ("3,000円", "ja", "UTC", "3000 JPY"),
        ("￥3,000", "ja", "UTC", "3000 JPY"),
        ("50.000 ₫", "vi", "UTC", "50000 VND"),
        ("200.000đ", "vi", "UTC", "200000 VND"),
        ("1.500.000 đồng", "vi", "UTC", "1500000 VND"),
        ("Rp150.000", "id", "UTC", "150000.00 IDR"),
        ("Rp 1.500.000,00", "id", "UTC", "1500000.00 IDR"),
        ("12.000 Ft", "hu", "UTC", "12000.00 HUF"),
        ("1 500 Ft-ot fizettem", "hu", "UTC", "1500.00 HUF"),
        ("250 TL ödedim", "tr", "UTC", "250.00 TRY"),
        ("1.250,50 TL", "tr", "UTC", "1250.50 TRY"),
        ("1 000 руб.", "ru", "UTC", "1000.00 RUB"),
        ("2000р", "ru", "UTC", "2000.00 RUB"),
        ("500 грн", "uk", "UTC", "500.00 UAH"),
        ("₴500", "uk", "UTC", "500.00 UAH"),
        ("120 lei", "ro", "UTC", "120.00 RON"),
        ("120 RON", "ro", "UTC", "120.00 RON"),
        ("RM50", "en", "Asia/Kuala_Lumpur", "50.00 MYR"),
        ("S$20", "en", "UTC", "20.00 SGD"),
        ("HK$ 300", "en", "UTC", "300.00 HKD"),
        ("NT$1,200", "zh", "UTC", "1200.00 TWD"),
        ("500 SEK", "sv", "UTC", "500.00 SEK"),
        ("500 kronor", "sv", "UTC", "500.00 SEK"),
        ("249 kroner", "da", "UTC", "249.00 DKK"),
        ("kr. 499", "da", "UTC", "499.00 DKK"),
        ("499 kr.", "da", "UTC", "499.00 DKK"),
        ("499:-", "sv", "UTC", "499.00 SEK"),
        ("499,-", "no", "UTC", "499.00 NOK"),
        ("₪199.90", "he", "UTC", "199.90 ILS"),
        ("199 ש״ח", "he", "UTC", "199.00 ILS"),
        ("500 د.إ", "ar", "UTC", "500.00 AED"),
        ("AED 250", "en", "UTC", "250.00 AED"),
        ("QAR 100", "en", "UTC", "100.00 QAR"),
        ("1.299 kr", "sv", "UTC", "1299.00 SEK"),
        ("EUR 1 299", "fr", "UTC", "1299.00 EUR"),
        ("eur 20", "en", "UTC", "20.00 EUR"),
        ("(EUR) 20", "en", "UTC", "20.00 EUR"),
        ("20 (EUR)", "en", "UTC", "20.00 EUR"),
        ("USD: 30", "en", "UTC", "30.00 USD"),
        ("£1,234.5", "en", "UTC", "1234.50 GBP"),
        ("20,00€", "de", "UTC", "20.00 EUR"),
        ("12 $", "fr", "America/Montreal", "12.00 CAD"),
        ("€0,5", "nl", "UTC", "0.50 EUR"),
        ("10 mille euros", "it", "UTC", "10000.00 EUR"),
        ("1,5 Mio. €", "de", "UTC", "1500000.00 EUR"),
        ("20k €", "de", "UTC", "20000.00 EUR"),
        ("$1.5M", "en", "UTC", "1500000.00 USD"),
        ("R$ 1.234,56", "pt", "UTC", "1234.56 BRL"),
        ("50 reais", "pt", "UTC", "50.00 BRL"),
        ("MX$200", "es", "UTC", "200.00 MXN"),
        ("200 pesos", "es", "America/Bogota", "200.00 COP"),
        ("100 Kč", "cs", "UTC", "100.00 CZK"),
        ("1 299 Kč", "cs", "UTC", "1299.00 CZK"),
        ("1299,- Kč", "cs", "UTC", "1299.00 CZK"),
        ("я заплатил 1,5 тыс. руб.", "ru", "UTC", "1500.00 RUB"),
        ("١٢٠ ريال", "ar", "UTC", "120.00 SAR"),
        ("50 US dollars", "en", "UTC", "50.00 USD"),
        ("60 Swiss francs", "en", "UTC", "60.00 CHF"),
        ("refund$350 now", "en", "UTC", "350.00 USD"),
        ("共計36元。", "zh", "UTC", "36.00 CNY"),
        ("１２００円", "ja", "UTC", "1200 JPY"),
        ("EUR20", "en", "UTC", "20.00 EUR"),
        ("20EUR", "en", "UTC", "20.00 EUR"),
        ("49,90 EUR/Monat", "de", "UTC", "49.90 EUR"),
        ("-30 €", "de", "UTC", "30.00 EUR"),
        ("€12.50/month", "en", "UTC", "12.50 EUR"),
        ("kr 1.299,50", "no", "UTC", "1299.50 NOK"),
    ],
)
def test_an_amount_is_normalised_as_its_country_writes_it(text, language, timezone, value):
    assert amounts(text, language, timezone) == [value]


@pytest.mark.parametrize(
    ("text", "language", "values"),
    [
        ("£20-30", "en", ["20.00 GBP", "30.00 GBP"]),
        ("20-30 €", "de", ["20.00 EUR", "30.00 EUR"]),
        ("between 20 and 30 euros", "en", ["20.00 EUR", "30.00 EUR"]),
        ("von 20 bis 30 Euro", "de", ["20.00 EUR", "30.00 EUR"]),
        ("$20 and $30", "en", ["20.00 USD", "30.00 USD"]),
    ],
)
def test_both_ends_of_a_range_have_its_currency(text, language, values):
    assert amounts(text, language) == values


@pytest.mark.parametrize(
    "text",
    [
        "My order 499",
        "I try 5 times",
        "all 20 items",
        "page 3",
        "room 5p",
        "I may r 5",
        "Fr 12",
        "R450 derailleur in the box",
        "50 m",
        "2 cm",
        "firmware 1,2",
        "I have 5 m of cable",
        "top 10 bikes",
        "the 2 of us",
        "10-15 days",
        "vom 3.-7. Juni",
        "5 cr",
        "bus line 20 p.m.",
        "at 5 p.m.",
        "at 5p.m.",
        "50 c",
        "ip 10.0.0.1",
        "P 450",
        "room R 5",
        "5 won games",
        "I won 5 games",
        "a 6 ft cable",
        "$12km",
        "5 real people",
        "nr 12,-x",
        "20 try",
        "order 12 mil gracias",
    ],
)
def test_other_numbers_are_no_amounts(text):
    assert amounts(text) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("I paid $1,499.00", "1499.00 USD"),
        ("refunding$350", "350.00 USD"),
        ("160 dollars", "160.00 USD"),
        ("1.299,50 €", "1299.50 EUR"),
        ("EUR 20,5", "20.50 EUR"),
        ("£5", "5.00 GBP"),
        ("¥5000", "5000 JPY"),
        ("12 000 CHF", "12000.00 CHF"),
        ("CHF 1'200.50", "1200.50 CHF"),
        ("₹1,00,000", "100000.00 INR"),
        ("Rs. 500", "500.00 INR"),
        ("15,- €", "15.00 EUR"),
        ("R$ 50,00", "50.00 BRL"),
        ("$1.5k", "1500.00 USD"),
        ("2 Millionen Euro", "2000000.00 EUR"),
        ("49,90€/Monat", "49.90 EUR"),
        ("100 zł", "100.00 PLN"),
        ("50 euros y nada más", "50.00 EUR"),
    ],
)
def test_an_amount_is_normalised_anywhere(text, value):
    assert amounts(text) == [value]


@pytest.mark.parametrize(
    "text", ["order 1499", "the 2 of us", "3.5 stars", "room 20a", "10% off", "charged 12.50", "R\u017f 500"]
)
def test_numbers_without_a_currency_are_no_amounts(text):
    assert amounts(text) == []


@given(st.integers(min_value=0, max_value=10**9), st.integers(min_value=0, max_value=99))
def test_plain_number_undoes_any_grouping(whole, cents):
    written = f"{whole:,}.{cents:02d}"

    assert plain_number(written) == f"{whole}.{cents:02d}"


def test_a_pasted_list_is_not_read_to_its_end():
    assert len(amounts("€1 " * (MAX_NUMBERS + 5))) == MAX_NUMBERS
