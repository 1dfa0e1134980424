"""The ``Idempotency-Key`` header (draft-ietf-httpapi-idempotency-key-header-07)."""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from flask import request
from werkzeug.exceptions import BadRequest

from ticketflow.masking import mask_all, mask_text
from ticketflow.storage.idempotency import RepeatableRequest

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
MAX_KEY_LENGTH = 255

# A string of RFC 9651 §3.3.3, or the same without its quotes, as most clients send it.
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])+)"')
_BARE = re.compile(r"[!#-~]+")
_ESCAPED = re.compile(r"\\(.)")

PARAMETER = {
    "name": HEADER,
    "in": "header",
    "description": "Send the same key again and get the first answer again, for one payload, however often you repeat."
    " A key is kept until an operator prunes the database (`ticketflow db prune`), a week unless they say otherwise.",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH},
    "example": '"8e03978e-40d5-43e8-bc93-6894a57f9324"',
}

REPLAYED_HEADER = {
    REPLAYED: {
        "description": f"`true` on an answer that was given before, to a request with this `{HEADER}`.",
        "schema": {"type": "string", "enum": ["true"]},
    }
}


def find_repeatable(caller: str, payload: Mapping[str, Any]) -> RepeatableRequest | None:
    """Recognise a request its caller may repeat; ``None`` without the header.

    Raises:
        BadRequest: The header is there but is no key.
    """
    given = request.headers.get(HEADER)
    if given is None:
        return None
    key = parse_key(given.strip())
    if mask_text(key) != key:  # a card number is no good key, and is not kept as one
        key = hashlib.sha256(key.encode()).hexdigest()
    return RepeatableRequest(caller, key, digest_payload(payload))


def parse_key(given: str) -> str:
    """Take the quotes off a key.

    Raises:
        BadRequest: It is empty, too long, or not printable ASCII.
    """
    quoted = _QUOTED.fullmatch(given)
    key = _ESCAPED.sub(r"\1", quoted[1]) if quoted else given
    if not (quoted or _BARE.fullmatch(given)) or len(key) > MAX_KEY_LENGTH:
        raise BadRequest(f"{HEADER}: send 1 to {MAX_KEY_LENGTH} printable ASCII characters, best in double quotes")
    return key


def digest_payload(payload: Mapping[str, Any]) -> bytes:
    """Compute a digest that is the same for payloads that mean the same.

    Card and account numbers do not go into it: with the rest of the text known, they could be guessed from it.
    """
    canonical = json.dumps(
        mask_all(dict(payload)),
        sort_keys=True,
        separators=(",", ":"),
        default=lambda instant: instant.astimezone(UTC).isoformat(),
    )
    return hashlib.sha256(canonical.encode()).digest()
