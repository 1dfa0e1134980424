"""A number that is all a reply says is what the question above it asked for."""

import pytest

from ticketflow.engines.embedded.facts.ids import find_ids
from ticketflow.engines.embedded.facts.replies import find_answers
from ticketflow.mail.parts import split_mail

HEAD = "\n\nFrom: Care\nSent: Monday\nTo: Bo\nSubject: Which one?\n\nWhich one is it?"


def answered(subject, body):
    found = find_answers(subject, body, split_mail(subject, body, "Bo Lind"))
    assert all(body[each.start : each.end] == each.text for each in found)
    return [(each.type, each.value) for each in found]


@pytest.mark.parametrize(
    ("subject", "body", "expected"),
    [
        ("RE: Your order number?", f"BX-77120{HEAD}", [("order_id", "BX-77120")]),
        ("AW: Ihre Rechnung", f"Es ist die 20264711, danke{HEAD}", [("invoice_id", "20264711")]),
        ("AW: Welche Rechnung meinen Sie?", f"20264711, danke{HEAD}", [("invoice_id", "20264711")]),
        ("Re: Tracking", f"it is 3SKAAA1234567{HEAD}", [("tracking_id", "3SKAAA1234567")]),
        (
            "Re: help",
            "> Which invoice is it about?\nKL-2026-118\n> And what is wrong with it?\nThe VAT is missing.",
            [("invoice_id", "KL-2026-118")],
        ),
        (
            "Re: question",
            "> ¿Cuál es su número de pedido?\n9000417\n> ¿Talla?\nM",
            [("order_id", "9000417")],
        ),
        (
            "Re: question",
            "> What is your order number?\n88-20417\n> And your customer number?\n5561023",
            [("order_id", "88-20417")],
        ),
    ],
)
def test_a_number_by_itself_answers_the_question_above_it(subject, body, expected):
    assert answered(subject, body) == expected


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("Re: In which year did you order?", f"2024{HEAD}"),
        ("Re: Your account or your order number?", f"4471203{HEAD}"),
        ("Re: Your phone number?", f"4471203{HEAD}"),
        ("Re: Your order", f"It cost 4471203 yen more than last time{HEAD}"),
        ("Order", "4471203 people cannot be wrong"),
        ("Re: x", "> How many did you order?\n12"),
        ("Re: x", "4471203"),
    ],
)
def test_a_number_nobody_asked_for_stays_a_number(subject, body):
    assert answered(subject, body) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("متى تصل الطلبية 5518204؟", ("order_id", "5518204")),
        ("لم تصلني الفاتورة رقم 77120", ("invoice_id", "77120")),
        ("Где мой заказ BX-77120?", ("order_id", "BX-77120")),
        ("Посылка 55182047 не пришла", ("tracking_id", "55182047")),
        ("Siparişim 55182047 nerede?", ("order_id", "55182047")),
        ("Objednávka č. 5518204 nedorazila", ("order_id", "5518204")),
        ("Πού είναι η παραγγελία 5518204;", ("order_id", "5518204")),
        ("איפה ההזמנה 5518204?", ("order_id", "5518204")),
        ("Missä tilaukseni 5518204 on?", ("order_id", "5518204")),
    ],
)
def test_an_order_is_one_in_languages_we_write_no_letters_in(text, expected):
    assert [(each.type, each.value) for each in find_ids(text)] == [expected]
