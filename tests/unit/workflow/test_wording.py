"""Promises nobody gave, and a tone nobody wants, in four languages."""

import pytest

from ticketflow.workflow.steps.wording import MAX_LENGTH, find_forbidden, find_promises, find_tone_faults


def details(problems):
    return " ".join(problem["detail"] for problem in problems)


@pytest.mark.parametrize(
    ("sentence", "what"),
    [
        ("We will refund you the full amount.", "money"),
        ("I have already refunded your card.", "money"),
        ("You'll get your money back.", "money"),
        ("You will receive a 20 euro voucher.", "money"),
        ("A refund has been issued.", "money"),
        ("No problem, we will refund you.", "money"),
        ("We cannot swap it, but you will get your money back.", "money"),
        ("Wir werden Ihnen den Betrag erstatten.", "money"),
        ("Sie erhalten eine volle Rückerstattung.", "money"),
        ("Nous vous rembourserons demain.", "money"),
        ("Vous serez intégralement remboursé.", "money"),
        ("Le reembolsaremos el importe.", "money"),
        ("Your parcel will arrive by Friday.", "a delivery date"),
        ("You will receive it within two days.", "a delivery date"),
        ("Ihr Paket wird am Freitag geliefert.", "a delivery date"),
        ("Votre colis arrivera demain.", "a delivery date"),
        ("Su pedido llegará mañana.", "a delivery date"),
        ("We are fully liable for the damage.", "a legal admission"),
        ("This was entirely our fault.", "a legal admission"),
        ("We accept full responsibility.", "a legal admission"),
        ("Das war unser Fehler.", "a legal admission"),
        ("C'est de notre faute.", "a legal admission"),
        ("Es culpa nuestra.", "a legal admission"),
        ("I promise that it works.", "a guarantee"),
        ("Wir garantieren Ihnen das.", "a guarantee"),
        ("Nous vous garantissons une solution.", "a guarantee"),
    ],
)
def test_a_promise_is_named(sentence, what):
    (problem,) = find_promises([sentence])

    assert problem["code"] == "promise"
    assert what in problem["detail"]


@pytest.mark.parametrize(
    "sentence",
    [
        "You asked whether you will get a refund.",
        "We cannot promise a date.",
        "We will not refund shipping.",
        "Wir können Ihnen das nicht garantieren.",
        "Our team will look at it.",
        "Please reply to this message.",
        "I am sorry for the trouble you have had.",
        "Vous trouverez la réponse ci-dessous.",
        "Puede responder a este mensaje.",
    ],
)
def test_what_promises_nothing_may_be_said(sentence):
    assert find_promises([sentence]) == []


@pytest.mark.parametrize(
    ("sentence", "what"),
    [
        ("Don't be stupid.", "insult"),
        ("Sie sind ein Idiot.", "insult"),
        ("Vous êtes un menteur.", "insult"),
        ("No sea idiota.", "insult"),
        ("It's your fault.", "blame"),
        ("You should have read the manual.", "blame"),
        ("Da sind Sie selbst schuld.", "blame"),
        ("READ THE MANUAL FIRST PLEASE", "shouting"),
        ("Thank you!!", "exclamation"),
        ("One! Two! Three! Four!", "exclamation"),
        ("x " * MAX_LENGTH, "more words"),
    ],
)
def test_a_fault_of_tone_is_named(sentence, what):
    (problem,) = find_tone_faults([sentence])

    assert problem["code"] == "tone"
    assert what in problem["detail"]


@pytest.mark.parametrize(
    "sentence", ["Thank you!", "The USB port and the HDMI port work.", "Use your PIN.", "That is our mistake to mend."]
)
def test_plain_words_have_a_good_tone(sentence):
    assert find_tone_faults([sentence]) == []


def test_forbidden_words_are_whole_words():
    problems = find_forbidden("A Cheap and FREE OF CHARGE offer, cheaply made", ["cheap", "free of charge", "offers"])

    assert [problem["code"] for problem in problems] == ["forbidden", "forbidden"]
    assert "'cheap'" in details(problems)
