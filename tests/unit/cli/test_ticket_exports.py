"""Files of other systems become tickets, or a refusal that says what to do."""

import json

import pytest

from ticketflow.cli.ticket_exports import decode_export, read_instant
from ticketflow.cli.ticket_files import read_columns, read_tickets
from ticketflow.errors import InvalidInputError

MAIL = (
    "From: Ann <ann@example.com>\nReceived: x\nSubject: {}\nDate: Fri, 27 Nov 2020 18:04:02 +0100\n"
    "Message-ID: <1@x>\n\nWhere?\n"
)


def read(folder, name, text, encoding="utf-8", **columns):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return [each.content for each in read_tickets(str(path), columns=columns)]


@pytest.mark.parametrize("name", ["a.eml", "a", "a.mail"])
def test_a_mail_is_a_ticket_of_its_sender(tmp_path, name):
    (ticket,) = read(tmp_path, name, MAIL.format("Late"))

    assert (ticket["subject"], ticket["body"]) == ("Late", "Where?")
    assert ticket["customer"] == {"email": "ann@example.com", "name": "Ann"}
    assert (ticket["received_at"], ticket["external_id"]) == ("2020-11-27T17:04:02Z", "<1@x>")


def test_a_mailbox_is_a_ticket_a_mail(tmp_path):
    text = "".join(f"From ann@example.com Fri Nov 27 18:04:02 2020\n{MAIL.format(each)}\n" for each in ("one", "two"))

    assert [each["subject"] for each in read(tmp_path, "a.mbox", text)] == ["one", "two"]
    assert [each["subject"] for each in read(tmp_path, "a", text)] == ["one", "two"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", 'ID,Subject,Description,Requester\n7,Late,"two\nlines",ann@example.com\n'),
        ("a.csv", '\ufeffSummary;Description;Key;Reporter\r\nLate;"two\nlines";7;ann@example.com\r\n'),
        ("a.tsv", 'Ticket ID\tSubject\tBody\tContact email\n7\tLate\t"two\nlines"\tann@example.com\n'),
        ("piped", 'Ticket ID,Subject,Description,Email\n7,Late,"two\nlines",ann@example.com\n'),
    ],
)
def test_a_table_is_a_ticket_a_row(tmp_path, name, text):
    (ticket,) = read(tmp_path, name, text)

    assert (ticket["subject"], ticket["body"].split(), ticket["external_id"]) == ("Late", ["two", "lines"], "7")
    assert ticket["customer"]["email"] == "ann@example.com"


def test_columns_can_be_named(tmp_path):
    text = "Case,What they wrote,Who\nLate,Where is it?,ann@example.com\n"

    (ticket,) = read(tmp_path, "a.csv", text, **read_columns(["subject=Case", "body=What they wrote", "email=Who"]))

    assert (ticket["subject"], ticket["body"]) == ("Late", "Where is it?")


@pytest.mark.parametrize(
    "export",
    [
        {
            "tickets": [
                {
                    "id": 7,
                    "subject": "Late",
                    "description": "Where?",
                    "priority": "high",
                    "requester": {"email": "a@b.example"},
                }
            ]
        },
        {
            "issues": [
                {"key": 7, "fields": {"summary": "Late", "description": "Where?", "priority": {"name": "Highest"}}}
            ]
        },
        [{"number": 7, "title": "Late", "body": "Where?", "user": {"login": "ann"}, "labels": [{"name": "x"}]}],
        [
            {
                "id": 7,
                "subject": "Late",
                "description_text": "Where?",
                "priority": 3,
                "status": 2,
                "email": "a@b.example",
            }
        ],
    ],
)
def test_exports_of_other_desks_are_read_by_our_names(tmp_path, export):
    (ticket,) = read(tmp_path, "a.json", json.dumps(export))

    assert (ticket["subject"], ticket["body"], ticket["external_id"]) == ("Late", "Where?", "7")
    assert ticket.get("priority", "high") in {"high", "urgent"}


def test_our_own_tickets_stay_as_they_are_even_where_a_name_is_wrong(tmp_path):
    ours = {"subject": "Late", "body": "Where?", "tags": ["x"], "priority": "High"}

    assert read(tmp_path, "a.json", json.dumps(ours)) == [ours]


def test_a_page_is_a_ticket_under_its_title(tmp_path):
    page = "<html><head><title>Late</title></head><body><p>Where?</p></body></html>"

    assert read(tmp_path, "a.html", page) == [{"subject": "Late", "body": "Where?"}]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252"])
def test_text_is_read_in_any_common_encoding(encoding):
    assert decode_export("Grüße, wo?".encode(encoding), "a.txt") == "Grüße, wo?"


@pytest.mark.parametrize(
    ("name", "raw", "message"),
    [
        ("a.msg", b"\xd0\xcf\x11\xe0\xa1", "save it as .eml"),
        ("a.xlsx", b"PK\x03\x04", "as CSV"),
        ("a.pdf", b"%PDF-1.7", "PDF"),
        ("a.csv", b"Colour,Size\nred,4\n", "--map body=COLUMN"),
        ("a.txt", b"a\x00\x00b", "zero byte"),
        ("a.txt", b"  \n", "is empty"),
        ("a.mbox", b"From x\n\n", "no tickets"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_to_do(tmp_path, name, raw, message):
    with pytest.raises(InvalidInputError, match=message):
        read(tmp_path, name, raw)


@pytest.mark.parametrize("given", ["body", "body=", "colour=x", "=x"])
def test_a_mapping_that_is_none_is_refused(given):
    with pytest.raises(InvalidInputError, match="FIELD=NAME"):
        read_columns([given])


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2020-11-20 09:12", "2020-11-20T09:12:00Z"),
        ("2020-11-20T09:12:00.000+0100", "2020-11-20T08:12:00Z"),
        ("20/Nov/20 9:12 AM", "2020-11-20T09:12:00Z"),
        ("20.11.2020 09:12", "2020-11-20T09:12:00Z"),
        ("2999-01-01", None),
        ("soon", None),
        ("", None),
    ],
)
def test_instants_are_read_as_exports_write_them(written, instant):
    assert read_instant(written) == instant
