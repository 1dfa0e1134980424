"""Numbers of the customer: what surely is an id or a phone number is found, and nothing else."""

from datetime import UTC, datetime

import pytest

from ticketflow.engines.embedded.facts.extractor import find_facts
from ticketflow.engines.embedded.facts.ids import is_gs1_valid, is_s10_valid, is_ups_valid

NOW = datetime(2026, 11, 29, 21, 0, tzinfo=UTC)
IDS = {"order_id", "invoice_id", "tracking_id"}


def find(text, language, types, timezone="UTC"):
    return [found.value for found in find_facts(text, language, NOW, timezone) if found.type in types]


@pytest.mark.parametrize(
    ("text", "language", "values"),
    [
        ("Bestell-Nr. 4711-22", "de", ["4711-22"]),
        ("Bestellnummer: 100234", "de", ["100234"]),
        ("Auftragsnr.: 55123", "de", ["55123"]),
        ("Rechnungsnummer 2024-1001", "de", ["2024-1001"]),
        ("Rechnung Nr. 2024", "de", ["2024"]),
        ("ma commande n° 884213 n'est pas arrivée", "fr", ["884213"]),
        ("numéro de commande : 884213", "fr", ["884213"]),
        ("mi pedido 12345 no ha llegado", "es", ["12345"]),
        ("número de pedido: 1234", "es", ["1234"]),
        ("il mio ordine 55678 non è arrivato", "it", ["55678"]),
        ("numero ordine 55678", "it", ["55678"]),
        ("a minha encomenda 55678", "pt", ["55678"]),
        ("pedido nº 55678", "pt", ["55678"]),
        ("mijn bestelling 55678 is er nog niet", "nl", ["55678"]),
        ("bestelnummer 55678", "nl", ["55678"]),
        ("zamówienie nr 55678", "pl", ["55678"]),
        ("numer zamówienia: 55678", "pl", ["55678"]),
        ("order 4711 has not arrived", "en", ["4711"]),
        ("my order, 4711889, is late", "en", ["4711889"]),
        ("Order #1042", "en", ["1042"]),
        ("order # 1042", "en", ["1042"]),
        ("orders 1234, 1235 and 1236", "en", ["1234", "1235", "1236"]),
        ("order no. 12 345 678", "en", ["12345678"]),
        ("Order number 4567 1234", "en", ["45671234"]),
        ("cancel #10425 please", "en", ["10425"]),
        ("Order: 10425", "en", ["10425"]),
        ("Order:\n10425", "en", ["10425"]),
        ("UPS 1Z999AA10123456784", "en", ["1Z999AA10123456784"]),
        ("DPD 01234567890123 is stuck", "en", ["01234567890123"]),
        ("Sendungsnummer 00340434161094042557", "de", ["00340434161094042557"]),
        ("tracking RR 123 456 785 DE", "en", ["RR123456785DE"]),
        ("invoice 2026-000123", "en", ["2026-000123"]),
        ("invoices INV-1001 and INV-1002", "en", ["INV-1001", "INV-1002"]),
        ("order LC-204518, LC-204519", "en", ["LC-204518", "LC-204519"]),
        ("PO-77812", "en", ["PO-77812"]),
        ("Where's INV-2024-0042?", "en", ["INV-2024-0042"]),
        ("order no 204518/204519", "en", ["204518", "204519"]),
        ("order 2024?", "en", []),
        ("My order number is 2024.", "en", ["2024"]),
        ("the order with the number 4711", "en", ["4711"]),
        ("Bestellungen 10011 und 10012", "de", ["10011", "10012"]),
        ("Refund for my order 55123 from last week", "en", ["55123"]),
        ("numéro de suivi 6A12345678901", "fr", ["6A12345678901"]),
        ("Tracking-Nr. 1234 5678 9012", "de", ["123456789012"]),
        ("order id 99812-A", "en", ["99812-A"]),
    ],
)
def test_a_number_is_an_id_where_words_surely_say_so(text, language, values):
    assert find(text, language, IDS) == values


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("I ordered 250 lights in 2023", "en"),
        ("We ordered in 2022 and 2023", "en"),
        ("I live at 1204 Main Street", "en"),
        ("flat 1204, please ring", "en"),
        ("Suite #500", "en"),
        ("room #1204", "en"),
        ("Apt. #1204", "en"),
        ("postcode 10115 Berlin", "de"),
        ("10115 Berlin", "de"),
        ("PLZ 10115", "de"),
        ("Hausnummer 1204", "de"),
        ("Wohnung 1204", "de"),
        ("Meine Kundennummer ist 123456", "de"),
        ("customer number 123456", "en"),
        ("account 123456", "en"),
        ("issue #4521", "en"),
        ("bug #4521", "en"),
        ("ticket #4521", "en"),
        ("commit 3f9e62b1", "en"),
        ("#2026goals", "en"),
        ("#throwback2024", "en"),
        ("color: #333333", "en"),
        ("color:#ff9933", "en"),
        ("background #123456;", "en"),
        ("order 500 units", "en"),
        ("order 1000 screws please", "en"),
        ("I want to order 2500 flyers", "en"),
        ("Ich möchte 500 Stück bestellen", "de"),
        ("bestellen Sie 250 Lampen", "de"),
        ("je veux commander 300 sonnettes", "fr"),
        ("commande de 300 sonnettes", "fr"),
        ("pedido de 300 timbres", "es"),
        ("a purchase of 300 bells", "en"),
        ("a package of 500 screws", "en"),
        ("our 2026 order was great", "en"),
        ("the 2024 invoice", "en"),
        ("order from 2024", "en"),
        ("the order in 2025 came late", "en"),
        ("part number 12-345-678-901", "en"),
        ("article number 445566", "en"),
        ("Artikelnummer 445566", "de"),
        ("serial number 123456789", "en"),
        ("IMEI 352099001761481", "en"),
        ("meter number 64009697277626", "en"),
        ("barcode 4074963991428", "en"),
        ("model 12345", "en"),
        ("SKU 123456", "en"),
        ("my bike is a Trek 5200", "en"),
        ("on page 1204", "en"),
        ("bus line 1204", "en"),
        ("call me on 07700 900123 about my order", "en"),
        ("My order is late, call me on 07700 900123", "en"),
        ("Server returned 500 for my order page", "en"),
        ("ISO 27001", "en"),
        ("RFC 9110", "en"),
        ("TX 75001", "en"),
        ("we have 300 employees and order often", "en"),
        ("order took 1500 ms", "en"),
        ("the box is 1200 x 800 mm", "en"),
        ("order total 1499", "en"),
        ("Bells 100", "en"),
        ("I paid 1299 for the order", "en"),
        ("order weight 2300 g", "en"),
        ("year 2024 order", "en"),
        ("my PIN 123456", "en"),
        ("VAT GB 123456789", "en"),
        ("Steuernummer 123456789", "de"),
        ("HRB 123456", "de"),
        ("at 14:30 order", "en"),
        ("10.000 orders", "en"),
        ("we got 1200 parcels", "en"),
        ("order by 1700 hours", "en"),
        ("I have 150 orders a day", "en"),
        ("the first 100 orders", "en"),
        ("order for 250 people", "en"),
        ("order within 365 days", "en"),
        ("parcel of 1500 g", "en"),
        ("package weighs 1200 g", "en"),
    ],
)
def test_a_number_that_may_be_anything_else_is_no_id(text, language):
    assert find(text, language, IDS) == []


@pytest.mark.parametrize(
    ("text", "language", "timezone", "value"),
    [
        ("ring me: 0171 2345678", "de", "Europe/Berlin", "+491712345678"),
        ("Tel 06 12 34 56 78", "fr", "UTC", "+33612345678"),
        ("mon numéro est le 0612345678", "fr", "UTC", "+33612345678"),
        ("(11) 91234-5678", "pt", "America/Sao_Paulo", "+5511912345678"),
        ("call 020 7946 0958", "en", "Europe/London", "+442079460958"),
        ("mobile: +44 7700 900456", "en", "UTC", "+447700900456"),
        ("Sie erreichen mich unter 0171/2345678", "de", "UTC", "+491712345678"),
        ("mi móvil es 612345678", "es", "UTC", "+34612345678"),
        ("mój telefon: 601 234 567", "pl", "UTC", "+48601234567"),
        ("bel me op 06-12345678", "nl", "UTC", "+31612345678"),
        ("il mio cellulare è 347 123 4567", "it", "UTC", "+393471234567"),
        ("call me at 02 9876 5432", "en", "Australia/Sydney", "+61298765432"),
        ("Ring meg på 91 23 45 67", "no", "UTC", "+4791234567"),
        ("Phone (212) 555-0187", "en", "UTC", "+12125550187"),
    ],
)
def test_a_phone_number_is_read_as_its_country_dials_it(text, language, timezone, value):
    assert find(text, language, {"phone"}, timezone) == [value]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("vom 04.06.-07.06. weg", "en"),
        ("04.06.-07.06.", "de"),
        ("part 12-345-678-901", "en"),
        ("article 123-456-7890", "en"),
        ("order 415-555-2671", "en"),
        ("ISBN 978-3-16-148410-0", "en"),
        ("EAN 4006381333931", "de"),
        ("192.168.100.200", "en"),
        ("2026-11-05 10:20:30", "en"),
        ("1 234 567,89 €", "fr"),
        ("dimensions 120-240-360", "en"),
        ("serial 0171-2345678", "de"),
        ("01.02.2026 03.04.2026", "de"),
        ("03/06/2015 07/06/2015", "fr"),
        ("between 10 20 30 40 50", "fr"),
        ("12 34 56 78 90", "en"),
        ("lotto 5 12 23 34 45 6", "de"),
        ("reach me on 555 0187", "en"),
    ],
)
def test_other_groups_of_digits_are_no_phone_number(text, language):
    assert find(text, language, {"phone"}) == []


def test_check_digits_tell_parcels_from_other_numbers():
    assert (is_ups_valid("1Z999AA10123456784"), is_ups_valid("1Z999AA10123456785")) == (True, False)
    assert (is_s10_valid("RR123456785DE"), is_s10_valid("RR123456784DE")) == (True, False)
    assert (is_gs1_valid("00340434161094042557"), is_gs1_valid("00340434161094042558")) == (True, False)
