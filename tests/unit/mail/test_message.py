"""A mail file gives sender, words, headers and names of attachments, whatever is wrong with it."""

from datetime import UTC, datetime

import pytest

from ticketflow.mail.message import is_mail, pick_headers, read_mail

MULTIPART = b"""Return-Path: <ann@example.com>
From: =?UTF-8?Q?Ann_L=C3=A9e?= <ann@example.com>
Subject: =?UTF-8?Q?Caf=C3=A9?=
Date: Fri, 27 Nov 2026 18:04:02 +0100
Message-ID: <7@example.com>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: multipart/alternative; boundary=c

--c
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Gr=FC=DFe
--c
Content-Type: text/html

<p>other</p>
--c--
--b
Content-Type: image/png; name=photo.png
Content-Disposition: attachment; filename=photo.png

x
--b
Content-Type: message/rfc822

Subject: inner

inner words
--b--
"""


def test_a_mail_is_read_as_a_person_would_see_it():
    mail = read_mail(MULTIPART)

    assert (mail.subject, mail.body, mail.name, mail.email) == ("Café", "Grüße", "Ann Lée", "ann@example.com")
    assert mail.sent_at == datetime(2026, 11, 27, 17, 4, 2, tzinfo=UTC)
    assert mail.attachments == ("photo.png", "message/rfc822")
    assert mail.headers["return-path"] == "<ann@example.com>"


def test_of_a_mail_in_html_alone_the_words_are_read():
    mail = read_mail(b"From: a@example.com\nContent-Type: text/html\n\n<p>Where is it?</p>")

    assert mail.body == "Where is it?"


def test_who_wants_the_answer_elsewhere_gets_it_there():
    mail = read_mail(b"From: Shop form <no-reply@shop.example>\nReply-To: ann@example.com\n\nHi")

    assert (mail.name, mail.email) == ("Shop form", "ann@example.com")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n\n",
        b"Subject: x",
        b"Content-Type: text/plain; charset=none-such\n\n\xff\xfe",
        b"Content-Type: multipart/mixed\n\nno boundary",
        b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n!!!",
        b"Date: not a day\nFrom: @@\n\nx",
        b"\x00\xff\x00",
    ],
)
def test_a_broken_mail_is_read_as_far_as_it_goes(raw):
    assert read_mail(raw).email is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("From: a@b\nReceived: x\nSubject: y\n\nwords", True),
        ("Received: x\n\tby y; Fri\nSubject: y\nTo: z\n\nwords", True),
        ("From: Berlin\nTo: Bergen\nDate: 3 May\n\nwhat does it cost?", False),
        ("Name: Ann\nOrder: 4711\nMessage: hi", False),
        ("Hello,\nReceived: x\nMessage-ID: y\nSubject: z", False),
        ("", False),
    ],
)
def test_a_mail_is_told_from_text(text, expected):
    assert is_mail(text) is expected


@pytest.mark.parametrize(
    "metadata",
    [
        {"headers": {"Auto-Submitted": "auto-replied"}},
        {"headers": [["Auto-Submitted", "auto-replied"], ["Subject", "x"]]},
        {"headers": [{"name": "AUTO-SUBMITTED", "value": "auto-replied"}]},
        {"auto_submitted": "auto-replied", "plan": "pro"},
        {"Auto-Submitted": " auto-replied\n"},
    ],
)
def test_headers_are_found_however_a_caller_hands_them_on(metadata):
    assert pick_headers(metadata) == {"auto-submitted": "auto-replied"}


@pytest.mark.parametrize(
    "metadata", [None, {}, {"headers": 3}, {"headers": [7, []]}, {"headers": {"precedence": ["x"]}}]
)
def test_other_metadata_has_no_headers(metadata):
    assert pick_headers(metadata) == {}
