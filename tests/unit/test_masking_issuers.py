"""Which numbers are cards and accounts, at the bounds of what issuers and countries publish."""

import pytest

from ticketflow.masking import find_cards, find_ibans, is_iban_valid, is_luhn_valid, mask_payment_numbers, mask_text

EVERY = range(12, 20)
ISSUED = {
    "4": {13, 16, 18, 19},
    **{key: {16} for key in ["51", "55", "2221", "2229", "2230", "2299", "23", "26", "270", "271", "2720"]},
    **{key: {15} for key in ["34", "37"]},
    **{key: {14, 16, 19} for key in ["300", "305", "309", "36", "38", "39"]},
    **{key: {16, 17, 18, 19} for key in ["35", "81", "82", "2200", "2204", "9792"]},
    **{key: {15} for key in ["2131", "1800"]},
    **{key: set(EVERY) for key in ["50", "56", "59", "60", "69", "0604"]},
}
NOBODY_S = [
    "1",
    "2130",
    "2132",
    "1799",
    "1801",
    "2205",
    "2220",
    "2721",
    "306",
    "307",
    "31",
    "32",
    "33",
    "7",
    "80",
    "83",
    "90",
    "9791",
    "9793",
    "0603",
    "0605",
]


def build(first: str, length: int) -> str:
    """Build a number with a good check digit."""
    payload = first + "7" * (length - len(first) - 1)
    return next(f"{payload}{digit}" for digit in range(10) if is_luhn_valid(f"{payload}{digit}"))


@pytest.mark.parametrize(("first", "lengths"), ISSUED.items(), ids=ISSUED)
def test_a_number_of_an_issuer_is_found_in_the_lengths_it_issues(first, lengths):
    found = {length for length in EVERY if find_cards(build(first, length)) == [(0, length)]}

    assert found == lengths


@pytest.mark.parametrize("first", NOBODY_S)
def test_a_number_of_no_issuer_is_left_alone(first):
    assert [length for length in EVERY if find_cards(build(first, length))] == []


def test_a_card_keeps_four_digits_and_an_account_its_country_too():
    card, iban = build("4", 16), "GB82WEST12345698765432"

    assert mask_text(card) == "*" * 12 + card[-4:]
    assert mask_text(iban) == f"GB{'*' * 16}5432"
    assert [(each.kind, each.start, each.end) for each in mask_payment_numbers(f"{iban} and {card}")[1]] == [
        ("iban", 0, 22),
        ("card", 27, 43),
    ]


def test_one_pair_of_check_digits_is_right():
    assert [n for n in range(2, 99) if is_iban_valid(f"GB{n:02}WEST12345698765432")] == [82]


@pytest.mark.parametrize(
    "iban",
    [
        "NO9386011117947",
        "BE68539007547034",
        "DK5000400440116243",
        "SI56263300012039086",
        "AT611904300234573201",
        "CH9300762011623852957",
        "GB82WEST12345698765432",
        "AE070331234567890123456",
        "ES9121000418450200051332",
        "PT50000201231234567890154",
        "TR330006100519786457841326",
        "FR1420041010050500013M02606",
        "PL61109010140000071219812874",
        "BR1800360305000010009795493C1",
        "KW81CBKU0000000000001234560101",
        "MT84MALT011000012345MTLCAST001S",
        "LC55HEMM000100010012001200023015",
    ],
)
def test_an_account_number_has_its_country_s_length(iban):
    assert find_ibans(iban) == [(0, len(iban))]
    assert find_ibans(f"XX{iban[2:]}") == []


def test_a_phone_number_behind_a_plus_is_no_card():
    number = build("4", 13)

    assert find_cards(f"call {number}") != []
    assert find_cards(f"call +{number}") == []
