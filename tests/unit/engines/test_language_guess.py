"""Short, mixed and odd texts get the language of the customer, or the desk's."""

import pytest

from ticketflow.engines.embedded.language import FALLBACK, guess_language, load_words


@pytest.mark.parametrize(
    "text",
    [
        "?",
        "Request\n!!",
        "Fiorentina Duo\nFiorentina Duo 2 in black?",
        "Improper nickname.",
        "yaar mera parcel kab aayega, paisa bhi wapas nahi mila abhi tak",
        "Nintendo Switch OLED",
        "Invoice 2231",
        "pls help acct locked",
    ],
)
def test_what_is_too_short_or_odd_to_tell_is_taken_for_the_desks_language(text):
    assert guess_language(text) == FALLBACK


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Rechnung fehlt", "de"),
        ("Passwort vergessen", "de"),
        ("Remboursement commande 1234", "fr"),
        ("Hola", "es"),
        ("Grazie mille", "it"),
        ("Gdzie jest moja paczka?", "pl"),
        ("Hvor er min pakke?", "da"),
        ("Mana pesanan saya? Sudah dua minggu belum sampai.", "id"),
        ("أين طلبي؟ لم يصل الطرد بعد", "ar"),
        ("Где моя посылка?", "ru"),
    ],
)
def test_a_few_common_words_tell_a_language(text, language):
    assert guess_language(text) == language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (
            "Hallo, wann kommt meine Bestellung? This message is intended only for the person it is addressed to.",
            "de",
        ),
        ("Bonjour,\n\nI ordered a lamp three weeks ago and it has not been delivered. Where is it?", "en"),
        ("Where is my parcel?\n\nDiese Nachricht ist vertraulich und nur für den Empfänger bestimmt.", "en"),
    ],
)
def test_the_opening_that_says_something_speaks_for_the_customer(text, language):
    assert guess_language(text) == language


def test_no_language_counts_a_word_that_english_has():
    words = load_words()

    assert all(words[FALLBACK].isdisjoint(own) for language, own in words.items() if language != FALLBACK)
