"""Unpack what mail programs packed: HTML, quoted-printable, base64, encoded words, signs that look like others.

What only looks packed stays: each kind needs signs that no plain text has by chance.
"""

import base64
import binascii
import html
import re
from email.errors import HeaderParseError
from email.header import decode_header
from typing import Literal

from ticketflow.mail.markup import MailText

Packing = Literal["base64", "quoted_printable", "html", "entities", "encoded_words", "look_alikes"]

_MIN_BASE64 = 40
_MIN_READABLE = 0.8
_BASE64 = re.compile(r"[A-Za-z0-9+/]++={0,2}")
_SOFT_BREAK = re.compile(r"=[ \t]{0,4}\r?\n")
_ESCAPES = re.compile(r"(?:=[0-9A-F]{2})+")
# No plain text has these by chance: a letter of two bytes or more, or a blank packed at the end of a line.
_SURE_ESCAPES = re.compile(r"=(?:C[2-9A-F]|D[0-9A-F]|E[0-9A-F]|F[0-4])=[89AB][0-9A-F]|=20\r?(?:\n|\Z)|=3D\"")
_BEGINS_AS_PAGE = re.compile(
    r"\s*+(?:<!doctype|<!--|<\?xml|<(?:html|head|body|div|p|span|table|br|ol|ul|font|b|i|a|h[1-6]|style|center|strong|em)\b)",
    re.IGNORECASE,
)
_TAG_ENDS = re.compile(
    r"</(?:html|body|div|p|span|table|td|tr|li|ul|ol|font|b|i|a|strong|em|u|s|h[1-6])>", re.IGNORECASE
)
_BREAKS = re.compile(r"<br\s{0,3}/?>", re.IGNORECASE)
_MIN_TAGS = 2
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8}\d{0,2});")
_ENCODED_WORD = re.compile(r"=\?[\w.:-]{1,40}(?:\*[\w-]{1,20})?\?[BbQq]\?[^?\s]{0,2000}\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)\s{1,20}(?==\?)")
_LOOK_ALIKES = {
    ord(each): " "
    for each in "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
}
_LOOK_ALIKES |= {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}  # full-width signs
_UNSEEN = dict.fromkeys(map(ord, "\u200b\u2060\ufeff\u00ad"))
_REPLACED = _LOOK_ALIKES | _UNSEEN


def decode_line(text: str) -> str:
    """Unpack a subject or a name: encoded words (RFC 2047), entities, and signs that look like others."""
    if "=?" in text:
        text = _ENCODED_WORD.sub(_decode_word, _BETWEEN_WORDS.sub(r"\1", text))
    return " ".join(_unescape(text).translate(_REPLACED).split())


def _unescape(text: str) -> str:
    """Put signs in the place of entities: those that end as they should, and are no longer than any is."""
    return _ENTITY.sub(lambda found: html.unescape(found[0]), text)


def _decode_word(found: re.Match[str]) -> str:
    try:
        [(raw, charset)] = decode_header(found[0])
        return raw.decode(charset or "ascii", errors="replace") if isinstance(raw, bytes) else raw
    except (HeaderParseError, LookupError, ValueError):
        return found[0]


def decode_body(text: str) -> tuple[str, list[Packing]]:
    """Unpack a body, however often it was packed.

    Returns:
        What a reader sees, and how it had been packed, outermost first; a text that was not is given back as it is.
    """
    packings: list[Packing] = []
    unpacked = _unpack_base64(text)
    if unpacked is not None:
        text = unpacked
        packings.append("base64")
    if is_quoted_printable(text):
        text = _ESCAPES.sub(_decode_escapes, _SOFT_BREAK.sub("", text))
        packings.append("quoted_printable")
    if is_html(text):
        text = MailText(text).text
        packings.append("html")
    elif _ENTITY.search(text):
        text = _unescape(text)
        packings.append("entities")
    seen = text.translate(_REPLACED)
    if seen != text:
        packings.append("look_alikes")
    return seen, packings


def is_html(text: str) -> bool:
    """Tell a page from words about tags: it begins like one, or breaks its lines as one, and closes what it opens."""
    ends = sum(1 for _ in zip(_TAG_ENDS.finditer(text), range(_MIN_TAGS), strict=False))
    breaks = sum(1 for _ in zip(_BREAKS.finditer(text), range(_MIN_TAGS), strict=False))
    if _BEGINS_AS_PAGE.match(text):
        return bool(ends or breaks)
    return breaks >= _MIN_TAGS or (
        ends >= _MIN_TAGS and re.search(r"</(?:p|div|table|html|body)>", text, re.IGNORECASE) is not None
    )


def is_quoted_printable(text: str) -> bool:
    """Tell packed text from text with an equals sign in it."""
    return _SURE_ESCAPES.search(text) is not None and (
        _SOFT_BREAK.search(text) is not None or len(_SURE_ESCAPES.findall(text[:20_000])) > 1 or "=20\n" in text
    )


def _decode_escapes(found: re.Match[str]) -> str:
    raw = bytes.fromhex(found[0].replace("=", ""))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def _unpack_base64(text: str) -> str | None:
    """Unpack a body that is base64 and nothing else, of something to read."""
    packed = "".join(text.split())
    if len(packed) < _MIN_BASE64 or len(packed) % 4 or not _BASE64.fullmatch(packed):
        return None
    try:
        unpacked = base64.b64decode(packed, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return None
    readable = sum(each.isalpha() or each.isspace() for each in unpacked)
    is_text = unpacked.isprintable() or all(each.isprintable() or each.isspace() for each in unpacked)
    return unpacked if is_text and " " in unpacked and readable >= _MIN_READABLE * len(unpacked) else None
