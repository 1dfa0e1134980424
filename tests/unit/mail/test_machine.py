"""Mail that no person wrote, or that asks nothing, is told from what somebody must answer."""

import pytest

from ticketflow.mail.machine import Written, find_reason, is_department
from ticketflow.mail.parts import split_mail


def judge(subject="Re: order", body="Where is it?", email="ann@example.com", name="Ann Lee", **headers):
    named = {each.replace("_", "-"): value for each, value in headers.items()}
    return find_reason(Written(subject, body, split_mail(subject, body, name), email, name, named))


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"auto_submitted": "auto-replied"}, "auto_reply"),
        ({"auto_submitted": "auto-generated; type=x"}, "auto_reply"),
        ({"auto_submitted": "no"}, None),
        ({"x_autoreply": "yes"}, "auto_reply"),
        ({"x_auto_response_suppress": "All"}, "auto_reply"),
        ({"precedence": "bulk"}, "bulk"),
        ({"list_unsubscribe": "<mailto:x>"}, "bulk"),
        ({"list_id": "<shop.example>"}, None),
        ({"precedence": "list", "x_google_group_id": "1"}, None),
        ({"return_path": "<>"}, "bounce"),
        ({"return_path": "<ann@example.com>"}, None),
        ({"content_type": "multipart/report; report-type=delivery-status"}, "bounce"),
        ({"content_type": "multipart/report; report-type=disposition-notification"}, "auto_reply"),
        ({"content_type": "text/calendar; method=REPLY"}, "auto_reply"),
        ({"content_type": "text/plain"}, None),
        ({"x_failed_recipients": "a@b"}, "bounce"),
        ({"x_spam_flag": "YES"}, "spam"),
        ({"x_ticketflow_ticket": "1"}, "own_message"),
    ],
)
def test_headers_decide_whatever_the_words_ask(headers, reason):
    assert judge(**headers) == reason


@pytest.mark.parametrize(
    ("subject", "body", "reason"),
    [
        ("Out of Office: Re: offer", "I am back on 3 May.", "auto_reply"),
        ("Automatische Antwort: Ihre Anfrage", "Ich bin bis 3. Mai abwesend.", "auto_reply"),
        ("Réponse automatique : commande", "Je suis en congé jusqu'au 3 mai.", "auto_reply"),
        ("Respuesta automática: pedido", "Estoy de vacaciones.", "auto_reply"),
        ("Resposta automática: pedido", "Estou de férias.", "auto_reply"),
        ("Risposta automatica: ordine", "Sono in ferie fino al 3 maggio.", "auto_reply"),
        ("Automatyczna odpowiedź: zamówienie", "Jestem na urlopie.", "auto_reply"),
        ("Automatisch antwoord: bestelling", "Ik ben met vakantie.", "auto_reply"),
        ("Re: order", "I am on annual leave. My colleague Bo helps in urgent cases.", "auto_reply"),
        ("Accepted: visit", "Ann has accepted this invitation.", "auto_reply"),
        ("Gelesen: Ihre Bestellung", "Ihre Nachricht wurde gelesen am 3. Mai.", "auto_reply"),
        ("Delivery Status Notification (Failure)", "The address couldn't be found.", "bounce"),
        ("Unzustellbar: Ihre Bestellung", "Die Nachricht konnte nicht zugestellt werden. 550 5.1.1", "bounce"),
        ("Re: order", "Thank you so much, it works now!", "thanks"),
        ("AW: Bestellung", "Vielen Dank für die schnelle Hilfe!", "thanks"),
        ("RE: commande", "Merci beaucoup, c'est réglé.", "thanks"),
        ("Re: pedido", "Muchas gracias, ya funciona.", "thanks"),
        ("Re: pedido", "Muito obrigada, deu certo!", "thanks"),
        ("R: ordine", "Grazie mille, ora funziona.", "thanks"),
        ("Odp: zamówienie", "Dziękuję bardzo za pomoc!", "thanks"),
        ("Re: bestelling", "Hartelijk dank, het werkt weer.", "thanks"),
        ("Thanks", "Great service 👍", "thanks"),
        ("Re: order", "", "empty"),
        ("", " \n. ", "empty"),
        ("Re: order", "\n\nOn 3 Mar 2026 at 10:00, Acme <a@b.example> wrote:\n> Which one?", "empty"),
        ("Offer", "Dear Sir, our SEO puts you on page 1 on Google. Guaranteed, act now!", "spam"),
        ("Notice", "Your mailbox is full. Click https://x.example within 24 hours.", "spam"),
        ("Postfach", "Ihr Postfach ist voll. Klicken Sie hier: http://x.example", "spam"),
        ("News", f"{'Our spring lamps are here. ' * 10}Unsubscribe. View this email in your browser.", "bulk"),
        # What somebody must read, whatever it looks like.
        ("No answer", "I only got an automatic reply. How long does a refund take?", None),
        ("Re: Automatic reply: order", "I only got this automatic reply, when will a person answer?", None),
        ("Away", "I am on vacation until May, please send LC-1 after that.", None),
        ("Thanks", "Thanks! How do I send it back?", None),
        ("Re: order", "Thanks, but it is broken again.", None),
        ("Re: order", "Thanks for nothing.", None),
        ("How do I reset my password?", "Thanks!", None),
        ("Callback", "", None),
        ("?", "", None),
        ("Re: order", "LC-205342", None),
        ("Unsubscribe", "How do I unsubscribe from your newsletter?", None),
        ("Is this you?", "A mail says my mailbox is full and to click https://x.example. Is that you?", None),
        ("Undeliverable parcel", "My parcel could not be delivered, please try again.", None),
        ("Re: order", "No, it is just slow.", None),
        ("Read this", "My account is blocked.", None),
    ],
)
def test_words_decide_where_headers_say_nothing(subject, body, reason):
    assert judge(subject, body) == reason


def test_a_daemon_and_an_address_nobody_reads_count_with_their_words():
    assert judge("Hello", "Mail for you.", email="MAILER-DAEMON@mx.example") == "bounce"
    assert judge("Note", "This mailbox is not monitored.", email="no-reply@x.example") == "auto_reply"
    assert judge("Order", "I forgot my password.", email="no-reply@shop.example") is None


def test_the_message_of_a_web_form_is_a_persons():
    body = "Name: Ann\nEmail: a@example.com\nPhone: 1\nMessage: thanks"

    assert judge("Contact form", body, email="noreply@shop.example") is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Accounts Payable Team", True),
        ("info", True),
        ("Buchhaltung", True),
        ("Info Smallshop", False),
        ("Ann Lee", False),
    ],
)
def test_a_department_is_told_from_a_person(name, expected):
    assert is_department(name) is expected
