"""No card or account number gets by, and little else is taken for one."""

import json
import random
import uuid
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.payment_numbers import generate, generate_others, make_card, make_iban, squeeze
from ticketflow import masking
from ticketflow.masking import find_cards, find_ibans, is_iban_valid, is_luhn_valid, mask_all, mask_payment_numbers


def mask(text):
    return mask_payment_numbers(text)[0]


def test_checksums():
    assert is_luhn_valid("4111111111111111")
    assert not is_luhn_valid("4111111111111112")
    assert not is_luhn_valid("")
    assert is_iban_valid("GB82WEST12345698765432")
    assert not is_iban_valid("GB82WEST12345698765431")


@given(st.integers(min_value=10**14, max_value=10**15 - 1))
def test_exactly_one_check_digit_fits(payload):
    assert sum(is_luhn_valid(f"{payload}{digit}") for digit in range(10)) == 1


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("card 4111 1111 1111 1111", "card **** **** **** 1111"),
        ("5500-0000-0000-0004.", "****-****-****-0004."),
        ("card4111111111111111exp", "card************1111exp"),
        ("#4111111111111111", "#************1111"),
        ("order 4111111111111111", "order ************1111"),
        ("3714 496353 98431 and 378282246310005", "**** ****** *8431 and ***********0005"),
        ("4111 1111\n1111 1111", "**** ****\n**** 1111"),
        ("4111 1111 1111 1111 5500 0000 0000 0004", "**** **** **** 1111 **** **** **** 0004"),
        ("4111 1111 1111 1111 12/29 123", "**** **** **** 1111 12/29 123"),
        ("\uff14\uff11\uff11\uff11 1111 1111 1111", "**** **** **** 1111"),
        ("IBAN:DE89 3704 0044 0532 0130 00 please", "IBAN:DE** **** **** **** **30 00 please"),
        ("ibande89370400440532013000", "ibande****************3000"),
        ("card 4706-7664-50\n13-4080", "card ****-****-**\n**-4080"),
        ("4706 7664\n> > 5013 4080", "**** ****\n> > **** 4080"),
        ("it took 0.4532015112830366 s", "it took 0.************0366 s"),
        ("DE89370400440532013000DE89370400440532013000", "DE****************3000DE****************3000"),
        ("BE68539007547034BE68539007547034", "BE**********7034BE**********7034"),
        ("DE893704004405320130004111111111111111", "DE****************3000************1111"),
        ("41111111111111115500000000000004", "************1111************0004"),
        (
            "4111\u31641111\uffa0\u1160\u3164\u31641111\u115f1111",
            "****\u3164****\uffa0\u1160\u3164\u3164****\u115f1111",
        ),
        ("D\u041589\u31643704 0044 0532 0130 00", "D\u0415**\u3164**** **** **** **30 00"),
        ("\u0391\u03a4611904300234573201", "\u0391\u03a4**************3201"),
        ("4\ufe0f\u20e31\ufe0f\u20e3" + "1" * 14, "*\ufe0f\u20e3*\ufe0f\u20e3" + "*" * 10 + "1111"),
        ("gb82-west-1234-5698-7654-32", "gb**-****-****-****-**54-32"),
    ],
)
def test_a_number_keeps_its_place_and_its_last_four_characters(text, masked):
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",
        "0000 0000 0000 0000",
        "DE89 3704 0044 0532 0130 02",
        "order 370795561790",
        "at 10 am I went to the shop and bought twelve of them",
        "4,512.00 1,299.00 2,100.00",
        "2026-11-23 20:08:51.123456",
        "call +49 1512 3456784",
        "018f6f2e-0000-7000-8000-000000000001",
        "somewhere at 39.211374,-82.978277",
        "4.50 12.00 450.00 2026-05-12 16.20",
    ],
)
def test_other_numbers_are_left_alone(text):
    assert mask(text) == text


def test_none_of_ten_thousand_numbers_is_left():
    numbers = list(generate(seed=7, count=10_000))

    left = [written for number, written in numbers if number in squeeze(mask(written))]

    assert left == []


def test_numbers_are_found_in_the_middle_of_a_long_text():
    numbers = list(generate(seed=8, count=300))
    text = mask(" and then words, ".join(written for _, written in numbers))

    assert [number for number, _ in numbers if number in squeeze(text)] == []


@given(st.text(max_size=200))
def test_masking_moves_nothing_and_twice_is_once(text):
    masked, numbers = mask_payment_numbers(text)

    assert len(masked) == len(text)
    assert [masked[each.start : each.end] for each in numbers] == [each.text for each in numbers]
    assert mask(masked) == masked


@given(st.integers(), st.text("0123456789 -.abcd\n", max_size=40), st.text(max_size=20))
def test_offsets_point_at_the_number_as_it_was_written(seed, before, after):
    card = make_card(random.Random(seed))
    text = f"{before}, {card}; {after}"

    numbers = mask_payment_numbers(text)[1]

    assert any(card in text[each.start : each.end] for each in numbers)


def test_json_is_masked_wherever_a_number_hides():
    card, iban = "4111111111111111", make_iban(random.Random(1))
    value = {
        "a": [card, {"b": iban}],
        card: "name",
        "n": int(card),
        "f": float(card),
        "h": float(card) + 0.5,
        "keep": [1, 2.5, True, None],
    }

    masked = mask_all(value)

    assert card not in json.dumps(masked)
    assert iban not in json.dumps(masked)
    assert masked["keep"] == [1, 2.5, True, None]


def test_few_random_order_numbers_are_taken_for_cards():
    rnd = random.Random(3)
    numbers = ["".join(rnd.choices("0123456789", k=16)) for _ in range(5000)]

    assert sum(bool(find_cards(number)) for number in numbers) < 0.05 * len(numbers)


def test_rows_of_amounts_dates_times_places_and_phones_are_hardly_ever_taken_for_cards():
    rows = list(generate_others(seed=5, count=5000))

    assert sum(bool(find_cards(row) or find_ibans(row)) for row in rows) < 0.02 * len(rows)


def test_machines_own_ids_are_left_alone():
    rnd = random.Random(4)
    ids = [uuid.UUID(int=rnd.getrandbits(128), version=4) for _ in range(5000)]

    assert [each for each in ids if find_cards(str(each)) or find_ibans(str(each)) or find_cards(each.hex)] == []
    assert [each for each in ids if find_ibans(each.hex) or find_ibans(f"{each.hex}{each.hex}")] == []


@given(
    st.one_of(
        st.text("0456DE89- .\n", max_size=200),
        st.integers().map(lambda seed: " ".join(written for _, written in generate(seed, 4))),
        st.integers().map(lambda seed: " ".join(generate_others(seed, 2))),
    )
)
def test_long_rows_are_read_as_short_ones_are(text):
    read = mask(text)

    with patch.multiple(masking, LONG_ROWS=0, MANY_STARTS=0):
        assert mask(text) == read
