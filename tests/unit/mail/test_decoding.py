"""What mail programs packed is unpacked on arrival, and what only looks packed stays."""

import base64
import quopri

import pytest

from ticketflow.mail.decoding import decode_body, decode_line
from ticketflow.services.submit_ticket import take_in
from ticketflow.storage.tickets import NewTicket, build_ticket

GERMAN = "Guten Tag,\n\nwo ist mein Päckchen für München? Ich habe 63,40 € bezahlt.\n\nViele Grüße"


@pytest.mark.parametrize(
    ("body", "words", "packings"),
    [
        ("<p>Hi</p><p>where is it?</p>", "Hi\n\nwhere is it?", ["html"]),
        ("<style>p{color:#123456}</style><div>Hi<br>there</div>", "Hi\nthere", ["html"]),
        ("<html><head><title>x</title></head><body>Hi<br></body></html>", "Hi", ["html"]),
        ("Hi<br>where<br>is it?", "Hi\nwhere\nis it?", ["html"]),
        ("<div>new</div><blockquote>old<br>older</blockquote>", "new\n> old\n> older", ["html"]),
        ("<div>new</div><div class='gmail_signature'>Ann</div>", "new\n-- \nAnn", ["html"]),
        ("<p style='display:none'>preview</p><p>Hi</p>", "Hi", ["html"]),
        ("<p>one <s>two</s> <del>three</del></p>", "one", ["html"]),
        ("<p>a&nbsp;b &lt;c&gt;</p>", "a b <c>", ["html", "look_alikes"]),
        ("4111&nbsp;1111", "4111 1111", ["entities", "look_alikes"]),
        ("Wo ist\u00a0es?\u200b", "Wo ist es?", ["look_alikes"]),
        ("\uff2c\uff23\uff0d\uff12", "LC-2", ["look_alikes"]),
        (quopri.encodestring(GERMAN.encode()).decode(), GERMAN, ["quoted_printable"]),
        (quopri.encodestring(GERMAN.encode("cp1252")).decode(), GERMAN, None),
        (base64.encodebytes(GERMAN.encode()).decode(), GERMAN, ["base64"]),
        (base64.b64encode(f"<p>{'Where is my parcel? ' * 3}</p>".encode()).decode(), None, ["base64", "html"]),
    ],
)
def test_a_packed_body_is_read_as_a_person_would_see_it(body, words, packings):
    found = decode_body(body)

    assert words is None or found[0] == words or packings is None
    assert packings is None or found[1] == packings


@pytest.mark.parametrize(
    "body",
    [
        "Where is it?",
        "Is 3 < 4 and 5 > 4?",
        "My <div> does not render, and <p> neither.",
        "Press <Enter> in the form; it says a=20 and b=3D.",
        "See https://shop.example/?a=20&b=C3&c=4",
        "The log says\nkey=value=\nother=thing",
        "SGVsbG8gdGhlcmU=",
        "A" * 64,
        "deadbeef" * 16,
        "AT&T; R&D; fish & chips &c.",
        "👩\u200d👩\u200d👧 thanks",
        "",
    ],
)
def test_what_only_looks_packed_stays_as_it_is(body):
    assert decode_body(body) == (body, [])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("=?utf-8?Q?R=C3=BCckgabe_f=C3=BCr_4711?=", "Rückgabe für 4711"),
        ("=?iso-8859-1?B?R3L832U=?= und mehr", "Grüße und mehr"),
        ("=?utf-8?Q?one?= =?utf-8?Q?_two?=", "one two"),
        ("=?no-such-charset?Q?one?=", "=?no-such-charset?Q?one?="),
        ("What is =?x", "What is =?x"),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_a_packed_line_is_read_as_a_person_would_see_it(line, words):
    assert decode_line(line) == words


@pytest.mark.parametrize("gap", ["&nbsp;", "&#160;", "\u00a0", "\u200b", "<wbr>", "=\n", "<b></b>"])
def test_a_card_number_is_masked_however_it_was_packed(gap):
    body = f"<p>Caf=C3=A9=20\nmy card is {gap.join(['4111', '1111', '1111', '1111'])}</p>"

    taken = take_in(NewTicket(subject="Card", body=body))

    assert taken.body.count("1111") == 1
    assert [each["value"] for each in taken.masked] == ["************1111"]


def test_the_body_that_is_kept_says_how_it_had_been_packed():
    taken = take_in(
        NewTicket(subject="=?utf-8?Q?Caf=C3=A9?=", body="<p>Hi</p>", customer_name="=?utf-8?Q?J=C3=BCrgen?=")
    )

    assert (taken.subject, taken.body, taken.customer_name) == ("Café", "Hi", "Jürgen")
    assert taken.unpacked == ["html"]


def test_a_whole_mail_in_the_body_is_read_as_one():
    body = "Return-Path: <>\nReceived: from a\nMessage-ID: <1@x>\nAuto-Submitted: auto-replied\n\nI am away."

    taken = take_in(NewTicket(subject="Away", body=body))
    kept = build_ticket("default", taken, "classify").state

    assert taken.body == "I am away."
    assert kept["headers"] == {"auto-submitted": "auto-replied", "return-path": "<>"}
