"""The customer's own words are told from everything else that stands in a mail."""

from itertools import pairwise

import pytest

from ticketflow.mail.parts import MAX_PARTS, Part, blank_others, join_words, split_mail

ASKED = "Where is my parcel?"
ATTRIBUTIONS = {
    "gmail en": "On Tue, Mar 3, 2026 at 4:05 PM Acme Support <help@acme.example> wrote:",
    "apple en": "On 3 Mar 2026, at 16:05, Acme <help@acme.example> wrote:",
    "wrapped en": "On Tue, Mar 3, 2026 at 4:05 PM Acme Support and Service Department <\nhelp@acme.example> wrote:",
    "gmail de": "Am Di., 3. März 2026 um 16:05 Uhr schrieb Acme Hilfe <help@acme.example>:",
    "thunderbird de": "Am 03.03.2026 um 16:05 schrieb Acme:",
    "gmail fr": "Le mar. 3 mars 2026 à 16:05, Acme <help@acme.example> a écrit :",
    "gmail es": "El mar, 3 mar 2026 a las 16:05, Acme (<help@acme.example>) escribió:",
    "gmail pt": "Em ter., 3 de mar. de 2026 às 16:05, Acme <help@acme.example> escreveu:",
    "gmail it": "Il giorno mar 3 mar 2026 alle ore 16:05 Acme <help@acme.example> ha scritto:",
    "gmail pl": "wt., 3 mar 2026 o 16:05 Acme <help@acme.example> napisał(a):",
    "thunderbird pl": "W dniu 03.03.2026 o 16:05, Acme pisze:",
    "gmail nl": "Op di 3 mrt 2026 om 16:05 schreef Acme <help@acme.example>:",
    "apple nl": "Op 3 mrt 2026 om 16:05 heeft Acme <help@acme.example> het volgende geschreven:",
    "gmail da": "Den tir. 3. mar. 2026 kl. 16.05 skrev Acme <help@acme.example>:",
    "gmail sv": "Den tis 3 mars 2026 kl 16:05 skrev Acme <help@acme.example>:",
    "date first": "2026-03-03 16:05 GMT+01:00 Acme <help@acme.example> wrote:",
}
BLOCKS = {
    "en": "From: Acme <help@acme.example>\nSent: Tuesday, 3 March 2026 16:05\nTo: Ann\nSubject: Order 4711",
    "bold": "*From:* Acme <help@acme.example>\n*Date:* Tuesday, 3 March 2026\n*To:* Ann\n*Subject:* Order 4711",
    "de": "Von: Acme <help@acme.example>\nGesendet: Dienstag, 3. März 2026 16:05\nAn: Ann\nBetreff: Bestellung",
    "fr": "De : Acme <help@acme.example>\nEnvoyé : mardi 3 mars 2026 16:05\nÀ : Ann\nObjet : Commande",
    "es": "De: Acme <help@acme.example>\nEnviado: martes, 3 de marzo de 2026\nPara: Ann\nAsunto: Pedido",
    "pt": "De: Acme <help@acme.example>\nEnviado: terça-feira, 3 de março de 2026\nPara: Ann\nAssunto: Pedido",
    "it": "Da: Acme <help@acme.example>\nInviato: martedì 3 marzo 2026 16:05\nA: Ann\nOggetto: Ordine",
    "pl": "Od: Acme <help@acme.example>\nWysłano: wtorek, 3 marca 2026 16:05\nDo: Ann\nTemat: Zamówienie",
    "nl": "Van: Acme <help@acme.example>\nVerzonden: dinsdag 3 maart 2026 16:05\nAan: Ann\nOnderwerp: Bestelling",
    "below a rule": "________________________________\nFrom: Acme\nSent: Tuesday\nTo: Ann\nSubject: Order",
    "below a separator": "-----Original Message-----\nFrom: Acme\nSent: Tuesday\nTo: Ann\nSubject: Order",
    "below a German separator": "-----Ursprüngliche Nachricht-----\nVon: Acme\nGesendet: Dienstag\nAn: Ann",
    "a delimiter": "##- Please type your reply above this line -##",
    "a German delimiter": "##- Bitte geben Sie Ihre Antwort oberhalb dieser Zeile ein -##",
}
SIGNATURES = {
    "dashes": "-- \nAnn Lee\nHead of Things\n+44 20 7946 0123",
    "en": "Kind regards,\n\nAnn Lee\nHead of Things | Acme Ltd\nwww.acme.example",
    "en with name": "Best wishes, Ann",
    "iphone": "Sent from my iPhone",
    "outlook": "Get Outlook for Android<https://aka.ms/x>",
    "de": "Mit freundlichen Grüßen\nAnn Lee\n\nBeispiel GmbH\nTel. +49 30 1234567",
    "de twice": "Vielen Dank und viele Grüße\nAnn",
    "de phone": "Von meinem iPhone gesendet",
    "fr": "Cordialement,\nAnn Lee",
    "fr phone": "Envoyé de mon iPhone",
    "es": "Un saludo,\nAnn Lee",
    "es phone": "Enviado desde mi iPhone",
    "pt": "Com os melhores cumprimentos,\nAnn Lee",
    "pt phone": "Enviado do meu iPhone",
    "it": "Cordiali saluti\nAnn Lee",
    "it phone": "Inviato da iPhone",
    "pl": "Z poważaniem\nAnn Lee",
    "pl phone": "Wysłane z iPhone'a",
    "nl": "Met vriendelijke groet,\nAnn Lee",
    "nl phone": "Verstuurd vanaf mijn iPhone",
    "two languages": "Mit freundlichen Grüßen / Kind regards\nAnn Lee",
    "a name alone": "Ann",
    "a card": "Dr. Ann Lee\nAcme Ltd\n12 Harbour Street\nPhone 020 7946 0123",
}
NOTICES = {
    "en": "This e-mail and any attachments are confidential. If you are not the intended recipient, tell the sender.",
    "print": "Please consider the environment before printing this e-mail.",
    "de": "Diese E-Mail enthält vertrauliche und/oder rechtlich geschützte Informationen.",
    "de company": "Sitz der Gesellschaft: Berlin\nGeschäftsführer: A. Lee\nAmtsgericht Charlottenburg, HRB 12345",
    "fr": "Ce message et toutes les pièces jointes sont confidentiels et établis à l'intention de ses destinataires.",
    "es": "Este mensaje y sus archivos adjuntos son confidenciales. Si lo recibió por error, notifique al remitente.",
    "pt": "Esta mensagem e seus anexos são confidenciais e de uso exclusivo do destinatário.",
    "it": "Le informazioni contenute in questa comunicazione sono riservate e destinate al solo destinatario.",
    "pl": "Niniejsza wiadomość jest poufna. Jeżeli nie jesteś jej adresatem, powiadom nadawcę.",
    "nl": "De informatie in dit bericht is vertrouwelijk en uitsluitend bestemd voor de geadresseerde.",
}


def read_own(body: str, subject: str = "Parcel", name: str | None = "Ann Lee") -> str:
    return " ".join(join_words(body, split_mail(subject, body, name)).split())


@pytest.mark.parametrize("marks", ["> ", ""])
@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_what_stands_below_somebody_wrote_is_quoted(attribution, marks):
    earlier = "".join(f"\n{marks}{line}" for line in ("Your order 4711 left us.", "Best", "Acme"))

    assert read_own(f"{ASKED}\n\n{ATTRIBUTIONS[attribution]}{earlier}") == ASKED


@pytest.mark.parametrize("block", BLOCKS)
def test_what_stands_below_the_head_of_a_mail_is_quoted(block):
    assert read_own(f"{ASKED}\n\n{BLOCKS[block]}\n\nYour order left us. Is all well?", "Re: Parcel") == ASKED


@pytest.mark.parametrize("signature", SIGNATURES)
def test_a_signature_is_not_what_the_customer_says(signature):
    assert read_own(f"{ASKED}\n\n{SIGNATURES[signature]}") == ASKED


@pytest.mark.parametrize("notice", NOTICES)
def test_a_legal_notice_is_not_what_the_customer_says(notice):
    assert read_own(f"{ASKED}\n\n{NOTICES[notice]}") == ASKED


@pytest.mark.parametrize(
    ("subject", "body", "own"),
    [
        ("Re: x", "> Which size?\n43.\n> Which colour?\nBlue, please.", "43. Blue, please."),
        ("Re: x", "On 3 Mar 2026, Acme wrote:\n> Which size?\n\n43.", "43."),
        ("x", "> I lost my key.\n> What now?", "I lost my key. What now?"),
        ("Re: x", "> I lost my key.\n> What now?", ""),
        ("Log", "It prints:\n> fatal: no such file\nWhat is wrong?", "It prints: fatal: no such file What is wrong?"),
        ("x", "Please send it to:\nAnn Lee\n12 Harbour Street\nBergen", None),
        ("x", "I go\nFrom: Berlin\nTo: Bergen\nDate: 3 May\nWhat does it cost?", None),
        ("x", "On Monday your colleague wrote:\nwe will refund you. But nothing came.", None),
        ("x", "Hello.\n\nThanks\nAnn\n\nPS: the box was open, what now?", "Hello. PS: the box was open, what now?"),
        ("x", "Thanks for your help, but it is broken again.", None),
        ("x", "[EXTERN] Vorsicht, keine Links öffnen.\n\nWo ist mein Paket?", "Wo ist mein Paket?"),
        ("x", "[EXTERNAL] Where is it?", "Where is it?"),
        ("x", "", ""),
        ("x", " \n\n ", ""),
    ],
)
def test_own_words_stay_whatever_stands_around_them(subject, body, own):
    assert read_own(body, subject) == (" ".join(body.split()) if own is None else own)


@pytest.mark.parametrize(
    "head",
    [
        "---------- Forwarded message ---------\nFrom: Bo <bo@example.com>\nSubject: crack",
        "Begin forwarded message:\n\n> From: Bo <bo@example.com>\n> Subject: crack",
        "-------- Weitergeleitete Nachricht --------\nBetreff: Riss\nVon: Bo <bo@example.com>",
        "---------- Message transféré ---------\nDe : Bo <bo@example.com>\nObjet : fissure",
    ],
)
def test_what_is_handed_on_is_to_be_read(head):
    body = f"Please see below.\n\n{head}\n\nThe rim of order 4711 is cracked."

    assert read_own(body).startswith("Please see below.")
    assert read_own(body).endswith("The rim of order 4711 is cracked.")


def test_a_mail_of_nothing_but_another_one_is_handed_on():
    body = "From: Bo <bo@example.com>\nSent: Friday\nTo: Ann\nSubject: crack\n\nThe rim is cracked."

    assert read_own(body, "FW: crack").endswith("The rim is cracked.")
    assert read_own(body, "Re: crack") == ""


def test_of_a_form_the_message_is_said_and_the_fields_are_facts():
    body = "Name: Ann Lee\nE-Mail: a@example.com\nBestellnummer: 4711\nNachricht: Die Jacke ist zu klein."
    parts = split_mail("Kontakt", body)

    assert join_words(body, parts) == "Die Jacke ist zu klein."
    assert "4711" in blank_others(body, parts)


def test_of_a_chat_only_the_visitors_turns_are_the_customers():
    body = "(10:01) Visitor: hi\n(10:02) Bo: Do you want to cancel?\n(10:03) Visitor: no, which valve fits?"

    assert read_own(body) == "hi no, which valve fits?"


def test_an_order_number_below_the_name_is_still_a_fact():
    body = "Where is it?\n\nRegards\nAnn\nOrder no. 4711-22\nPhone 020 7946 0123"
    left = blank_others(body, split_mail("x", body))

    assert "4711-22" in left
    assert "7946" not in left


def test_parts_cover_the_body_and_facts_keep_their_places():
    body = "Hi,\nLC-1 is late.\n\nOn 3 Mar 2026, Acme wrote:\n> LC-2 left us.\n"
    parts = split_mail("Re: x", body)

    assert [parts[0]["start"], parts[-1]["end"]] == [0, len(body)]
    assert all(one["end"] == other["start"] for one, other in pairwise(parts))
    assert blank_others(body, parts).index("LC-1") == body.index("LC-1")
    assert "LC-2" not in blank_others(body, parts)


def test_a_mail_of_more_parts_than_any_has_is_read_on_as_it_stands():
    body = "> no\nyes\n" * MAX_PARTS

    parts = split_mail("Re: x", body)

    assert len(parts) == MAX_PARTS
    assert parts[-1] == Part(kind="own", start=parts[-1]["start"], end=len(body))


@pytest.mark.parametrize(
    "line",
    [
        "On Tue, 3 Mar 2026 at 09:30, Acme Support wrote:",
        "Am 03.03.2026 um 09:30 schrieb Acme <care@acme.example>:",
        "Le mar. 3 mars 2026 à 09:30, Acme <care@acme.example> a écrit :",
        "El mar, 3 mar 2026 a las 9:30, Acme (<care@acme.example>) escribió:",
    ],
)
def test_the_line_above_a_quote_is_nobodys_even_by_itself(line):
    assert blank_others(line, split_mail("", line)).strip() == ""
    assert read_own(f"{line}\n> Where is it?", "x") == "Where is it?"
