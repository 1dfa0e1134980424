"""Error codes by their shape, or by the word before them."""

import pytest

from ticketflow.engines.embedded.facts.error_codes import find_error_codes
from ticketflow.engines.embedded.facts.found import keep_first


def codes(text):
    return [found.value for found in keep_first(find_error_codes(text))]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("error 0x80070057 at start", "0x80070057"),
        ("it says ERR_CONNECTION_RESET now", "ERR_CONNECTION_RESET"),
        ("SSL_ERROR_BAD_CERT_DOMAIN", "SSL_ERROR_BAD_CERT_DOMAIN"),
        ("HTTP 502", "HTTP 502"),
        ("HTTP/1.1 404", "HTTP 404"),
        ("a 502 Bad Gateway page", "HTTP 502"),
        ("E-1042 on the display", "E-1042"),
        ("error code 17", "17"),
        ("an error (code 36)", "36"),
        ("the error is 50043.", "50043"),
        ("exit code 137", "137"),
        ("Fehlercode E-1042", "E-1042"),
        ("Fehler 47", "47"),
        ("code d'erreur 1234", "1234"),
        ("código de error: 88", "88"),
        ("errore n. 500", "500"),
        ("a NullPointerException", "NullPointerException"),
        ("ECONNREFUSED", "ECONNREFUSED"),
        ("ORA-00942", "ORA-00942"),
    ],
)
def test_an_error_code_is_found(text, code):
    assert codes(text) == [code]


@pytest.mark.parametrize(
    "text",
    [
        "the error came 3 times",
        "error 3 times",
        "error 2 days ago",
        "an error on page 4",
        "order status 12345",
        "promo code 1234",
        "zip code 90210",
        "room E-12",
        "MY_ENV_VAR",
        "Error!!! 5 parcels",
        "I made an error. 12 of them",
    ],
)
def test_other_numbers_are_no_error_codes(text):
    assert codes(text) == []
