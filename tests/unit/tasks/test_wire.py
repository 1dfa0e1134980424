"""Bytes that py-amqp and kombu would choke on."""

import zlib

import pytest
from amqp import abstract_channel
from amqp.serialization import GenericContent
from kombu.compression import encoders, get_decoder
from kombu.message import Message

from tests.garbage import raw_properties
from ticketflow.errors import PermanentError
from ticketflow.tasks import app
from ticketflow.tasks.envelope import UnreadableMessageError, read_envelope


@pytest.mark.parametrize("raw", list(raw_properties()))
def test_properties_that_cannot_be_read_are_none(raw):
    assert app  # which makes the libraries harmless
    content = GenericContent()

    content._load_properties(60, raw, 0)  # noqa: SLF001  # what py-amqp calls for each message

    message = Message(
        body=b"[[],{},{}]",
        content_type=content.properties.get("content_type"),
        headers=content.properties.get("application_headers"),
    )
    with pytest.raises(UnreadableMessageError):
        read_envelope(message)


def test_a_routing_key_that_is_not_utf8_can_be_read():
    assert abstract_channel.loads("s", b"\x03a\xffb", 0) == (["a\N{REPLACEMENT CHARACTER}b"], 4)


def test_nothing_is_unpacked():
    message = Message(body=zlib.compress(b"x"), headers={"compression": "application/x-gzip"})

    assert message.errors
    assert encoders()
    for packing in encoders():
        with pytest.raises(PermanentError):
            get_decoder(packing)(b"x")
