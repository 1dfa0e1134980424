"""Order, invoice and tracking numbers: a token with digits, near a word that says what it is."""

import re
from functools import lru_cache

from ticketflow.engines.embedded.facts.found import Found

_TOKEN = re.compile(
    r"(?<![\w@./&=-])(?:#\s?)?"
    r"(?P<id>(?=[\w/-]*\d{3})[A-Za-z]{0,12}[-_/]?\d[A-Za-z0-9]*(?:[-_/][A-Za-z0-9]+)*)"
    r"(?![\w@]|[.,]\d)"
)
_WORD = re.compile(r"[^\W\d_]+")
_STOP = re.compile(r"(?<!\bno)(?<!\bnr)(?<!\bnum)[.!?;\n](?:\s|$)", re.IGNORECASE)
_WORDS = {
    "order_id": (
        "order", "orders", "purchase", "purchases", "ord", "po", "bestellung", "bestellnummer", "auftrag",
        "auftragsnummer", "commande", "achat", "pedido", "compra", "ordine", "acquisto", "bestelling", "ordering",
        "booking", "reservation",
    ),
    "invoice_id": (
        "invoice", "invoices", "bill", "bills", "inv", "receipt", "rechnung", "rechnungsnummer", "facture",
        "factura", "fattura", "factuur",
    ),
    "tracking_id": (
        "tracking", "parcel", "package", "shipment", "consignment", "sendung", "sendungsnummer", "colis", "envío",
    ),
}  # fmt: skip
# Words that claim a number for something we do not collect: better nothing than a wrong order.
_OTHER = (
    "account", "ticket", "case", "customer", "phone", "zip", "postcode", "room", "flat", "street", "error", "code",
    "model", "version", "year", "konto", "kunde", "kundennummer", "compte", "cuenta", "member", "vat", "pin",
    "extension", "windows",
)  # fmt: skip
_PREFIXES = {
    "ord": "order_id",
    "order": "order_id",
    "po": "order_id",
    "so": "order_id",
    "inv": "invoice_id",
    "re": "invoice_id",
}
# How far a word may stand from its number, in words: "order with the number 4711".
REACH_BEFORE = 5
REACH_AFTER = 4
# Short everyday words ("older", "border", "ball") are too near to "order" and "bill" to forgive a typo.
_NOT_A_TYPO = frozenset({"border", "older", "odder", "elder", "ordeal", "ladder", "folder", "holder", "under"})
MIN_TYPO_LENGTH = 5


def find_ids(text: str) -> list[Found]:
    """Find the ids; the value is the id without ``#``, the text is as written."""
    found = []
    for match in _TOKEN.finditer(text):
        kind = _kind(text, match)
        if kind in _WORDS:
            glued = _glued_word(match["id"])
            start = match.start("id") + glued if glued else match.start()
            found.append(Found(kind, match["id"][glued:].upper(), text[start : match.end()], start, match.end()))
    return found


def _glued_word(written: str) -> int:
    """Return the length of a word somebody forgot to space off, as in ``order4711``."""
    letters = re.match(r"[A-Za-z]*", written)
    length = letters.end() if letters else 0
    return (
        length if length >= MIN_TYPO_LENGTH and word_kind(written[:length].lower()) and written[length].isdigit() else 0
    )


def _kind(text: str, match: re.Match[str]) -> str | None:
    if glued := _glued_word(match["id"]):
        return word_kind(match["id"][:glued].lower())
    if kind := announced_kind(text, match.start()):
        return kind
    prefix = re.match(r"[A-Za-z]+", match["id"])
    if prefix and prefix[0].lower() in _PREFIXES:
        return _PREFIXES[prefix[0].lower()]
    after = _WORD.findall(_STOP.split(text[match.end() : match.end() + 50])[0])[:REACH_AFTER]
    kinds = [kind for word in after if (kind := word_kind(word.lower()))]
    if kinds:
        return kinds[0]
    return "order_id" if match[0].startswith("#") else None


def announced_kind(text: str, start: int) -> str | None:
    """Name what the nearest telling word before a number announces: an entity type, ``other``, or ``None``."""
    before = _WORD.findall(_STOP.split(text[max(0, start - 80) : start])[-1])[-REACH_BEFORE:]
    return next((kind for word in reversed(before) if (kind := word_kind(word.lower()))), None)


@lru_cache(maxsize=4096)
def word_kind(word: str) -> str | None:
    """Name what a word announces: an entity type, ``other``, or ``None``; one typo is forgiven."""
    for kind, words in _WORDS.items():
        if word in words:
            return kind
    if word in _OTHER:
        return "other"
    if len(word) < MIN_TYPO_LENGTH - 1 or word in _NOT_A_TYPO:
        return None
    for kind, words in _WORDS.items():
        if any(len(known) >= MIN_TYPO_LENGTH and is_one_typo(word, known) for known in words):
            return kind
    return None


def is_one_typo(word: str, known: str) -> bool:
    """Tell whether one letter was dropped, added, changed or swapped with its neighbour."""
    if abs(len(word) - len(known)) > 1 or word == known:
        return False
    start = 0
    while start < min(len(word), len(known)) and word[start] == known[start]:
        start += 1
    rest, other = word[start:], known[start:]
    swapped = rest[:2] == other[:2][::-1] and rest[2:] == other[2:]
    return swapped or rest[1:] == other or rest == other[1:] or rest[1:] == other[1:]
