"""Which numbers the words before them spare from being starred as cards, and which never."""

import random

import pytest

from tests.payment_numbers import make_card
from ticketflow.masking import mask_text


@pytest.mark.parametrize(
    "text",
    [
        "Where is order 503-3366558-0065095",
        "Please cancel orders 44433515 58097584.",
        "FedEx tracking number 635502982815 has not moved",
        "Where is my order number 8104688091636597?",
        "EAN 4074963991428",
        "The barcode of my lamp is 4590999039700",
        "The label says 6922740693592",
        "The meter number of my charger is 64009697277626",
        "The IMEISV of my bike computer is 3571234640166896",
        "Bestellnummer 8104688091636597",
        "Sendungsnummer: 635502982815",
        "commande n° 8104688091636597",
    ],
)
def test_a_number_that_words_name_stays_readable(text):
    assert mask_text(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "card:5555555555554444exp 12/28",
        "For order LC-205342 I paid with 4012 8888 8888 1881",
        "order 5500000000000004",
        "order 4222222222222",
        "my order is 501800000009",
        "order 41111111 11111111",
        "EAN 4111111111111111",
        "IMEI 4222222222222",
        "serial number 4111111111111111",
        "invoice 6304000000000",
        "order number 4111 1111 1111 1111",
        "my order, card 6304 0000 0000 0000",
        "the barcode on my card 4222222222222",
        "8104688091636597",
    ],
)
def test_a_card_is_starred_whatever_stands_around_it(text):
    assert "*" in mask_text(text)


@pytest.mark.parametrize(
    "before", ["", "my card ", "I paid with ", "Karte ", "order paid by card ", "order ", "Bestellung ", "commande "]
)
def test_no_card_of_any_issuer_is_spared_unless_a_number_of_another_kind_is_announced(before):
    rnd = random.Random(16)

    left = [card for card in (make_card(rnd) for _ in range(2000)) if card in mask_text(before + card)]

    assert left == []
