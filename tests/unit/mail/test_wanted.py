"""What is wanted stands in words, or in the field of a form; what machines printed sorts nothing."""

import pytest

from ticketflow.mail.parts import drop_printed, find_topic, split_mail
from ticketflow.workflow.state import own_text, wanted_of

PASTED = {
    "Java": "java.io.IOException: disk\n\tat org.shop.Disk.write(Disk.java:12)\n\tat org.shop.Main.main(Main.java:3)"
    "\nCaused by: java.lang.Error: full\n\t... 2 more",
    "Python": 'Traceback (most recent call last):\n  File "/app/pay.py", line 7, in pay\n    total = cart.sum()'
    '\n  File "/app/cart.py", line 3, in sum\n    raise ValueError\nValueError: empty cart',
    "JavaScript": "TypeError: x is undefined\n    at pay (https://a.example/app.js:12:7)\n    at async go (app.js:3:1)",
    "log": "2026-11-03 09:12:44,001 ERROR [main] order=1 failed\n2026-11-03 09:12:45,001 INFO [main] order=2 paid"
    "\n2026-11-03T09:12:46Z WARN cart is slow",
    "syslog": "Nov  3 09:12:44 web1 nginx[812]: upstream timed out\nNov  3 09:12:45 web1 nginx[812]: again"
    "\nNov 13 09:12:45 web1 kernel: oom",
    "access log": "\n".join(
        f'203.0.113.{at} - - [03/Nov/2026:09:12:4{at} +0100] "GET / HTTP/1.1" 500' for at in (1, 2, 3)
    ),
}


@pytest.mark.parametrize("pasted", PASTED.values(), ids=PASTED)
def test_what_a_machine_printed_is_left_out(pasted):
    said = "Since the update I cannot pay.\n{}\nWhat shall I do?"

    assert drop_printed(said.format(pasted)) == "Since the update I cannot pay.\nWhat shall I do?"


@pytest.mark.parametrize(
    "text",
    [
        "Error: the page was not found.",
        "at the weekend (Saturday) I tried again\nat work too\nat home as well",
        "2026-11-03 10:12 Ann: hello\n2026-11-03 10:13 Bo: hi\n2026-11-03 10:14 Ann: where is my parcel?",
        "#1 the wheel\n#2 the saddle\n#3 the bell",
        "From Monday on: closed?\nFrom Tuesday on: open?\nFrom Friday on: closed?",
        "INFORMATION\nWarning signs on the box\nErrors everywhere",
    ],
)
def test_what_people_write_stays(text):
    assert drop_printed(text) == text


@pytest.mark.parametrize(
    ("body", "topic"),
    [
        ("Name: Ann\nE-mail: a@b.example\nReason: Return\nMessage: too small", "Return"),
        ("Vorname: Ann\nE-Mail: a@b.example\nAnliegen: Rechnung fehlt\nNachricht: bitte senden", "Rechnung fehlt"),
        ("Nom: Ann\nE-mail: a@b.example\n*Objet :* Mot de passe\nMessage: perdu", "Mot de passe"),
        ("Nombre: Ann\nEmail: a@b.example\nTeléfono: 1\nMensaje: hola", None),
        ("My reason: Return\nis that it is too small.", None),
    ],
)
def test_the_topic_chosen_in_a_form_is_the_subject(body, topic):
    assert find_topic(body, split_mail("New message", body)) == topic


def test_a_ticket_is_sorted_by_topic_and_words_and_keeps_its_own_text():
    body = f"Name: Ann\nE-mail: a@b.example\nTopic: App\nMessage: It dies at once.\n{PASTED['log']}"
    request = {"subject": "Web form", "body": body, "customer_name": None}

    assert wanted_of(request) == ("App", "It dies at once.")
    assert "oom" not in own_text(request)
    assert "ERROR [main]" in own_text(request)
    assert wanted_of({"subject": "", "body": PASTED["log"], "customer_name": None})[1] == PASTED["log"]
