"""Order, invoice and tracking numbers: only what the words around a number surely say that it is.

What is found here is repeated to the customer in a letter, so a number that may be anything else is none.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from ticketflow.engines.embedded.facts.found import Found, keep_first
from ticketflow.shipped import read_shipped

_PATH = Path(__file__).parent / "id_words.yaml"
KINDS = ("order_id", "invoice_id", "tracking_id")
TOKEN = re.compile(
    r"(?<![\w@./&=-])(?P<hash>(?:(?<=\s)|(?<=[(\[])|(?<!\S))#\s?|#\s?)?"
    r"(?P<id>(?=[\w/-]*\d{3})[A-Za-z]{0,12}[-_/]?\d[A-Za-z0-9]*(?:[-_/][A-Za-z0-9]+)*)"
    r"(?![\w@]|[.,]\d)"
)
# One number in groups, as labels print them.
_GROUPS = re.compile(r"(?<![\w@./&=-])(?P<hash>#\s?)?(?P<id>\d{2,4}(?: \d{2,4}){1,6})(?![\w@]| ?[.,:]\d|[-/]\d)")
_CAPITALS = re.compile(r"(?<![\w-])(?P<id>(?P<prefix>[A-Z]{2,3}) \d{6,8})(?![\w-]|[.,]\d)")
_WORD = re.compile(r"[^\W\d_]+")
# The end of a sentence; not the dot of an abbreviation.
_STOP = re.compile(
    r"(?<!\bno)(?<!nr)(?<!\bnum)(?<!\bref)(?<!\bord)(?<!\binv)(?<!\bn)(?<!\bč)(?<!\bapt)(?<!\bart)(?<!\btel)(?:[.!?;](?:\s|$)|\n\s)",
    re.IGNORECASE,
)
_IS = re.compile(r"\W{0,3}(?:\b(?:is|was|ist|war|est|es|è|é|to|jest|as)\b)?((?:\W*[^\W\d_]+){1,5})")
_HASHTAG = re.compile(r"\d+[A-Za-z]{3,}\Z|[A-Za-z]{4,}\d")
YEAR = re.compile(r"(?:19|20)\d\d\Z")
_LOOK_BACK = 80
# How far a word may stand from its number, in words: "order with the number 4711".
REACH = 5
# So many digits are no quantity, year or house number; letters beside digits say as much.
LONG_DIGITS = 6
# More is a list somebody pasted. Each takes up to 0.1 ms.
MAX_TOKENS = 1000
MIXED_DIGITS = 4
COUNTED_DIGITS = 4
CARRIER_DIGITS = 8
# Short everyday words ("older", "border", "ball") are too near to "order" and "bill" to forgive a typo.
_NOT_A_TYPO = frozenset({"border", "older", "odder", "elder", "ordeal", "ladder", "folder", "holder", "under", "bells"})
MIN_TYPO_LENGTH = 5


_ALPHANUMERIC = {letter: (place + 2) % 10 for place, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ")}
# Universal Postal Union, standard S10, annex A.
_S10_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)


class _Said(NamedTuple):
    """What the words before a number say.

    Attributes:
        kind: An entity type, ``carriers`` or ``other``.
        is_direct: Whether nothing but words that lead to a number stands between.
        is_numbered: Whether they say that a number follows.
        is_exact: Whether the word is written without a typo.
    """

    kind: str
    is_direct: bool
    is_numbered: bool
    is_exact: bool


def is_ups_valid(number: str) -> bool:
    """Check the last digit of ``1Z`` and sixteen signs: a letter counts by its place, every second sign twice."""
    values = [_ALPHANUMERIC.get(sign, 0) if sign.isalpha() else int(sign) for sign in number[2:]]
    return (sum(values[:-1:2]) + 2 * sum(values[1:-1:2]) + values[-1]) % 10 == 0


def is_s10_valid(number: str) -> bool:
    """Check the ninth digit of a postal item such as ``RR123456785DE``."""
    digits = [int(digit) for digit in number[2:11]]
    check = 11 - sum(digit * weight for digit, weight in zip(digits, _S10_WEIGHTS, strict=False)) % 11
    return digits[-1] == {10: 0, 11: 5}.get(check, check)


def is_gs1_valid(digits: str) -> bool:
    """Check the last digit of GTIN, SSCC and what else GS1 numbers: every second one from the right counts thrice."""
    return sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(reversed(digits))) % 10 == 0


_SHAPES: tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...] = (
    (re.compile(r"(?<![\w-])1Z(?:[ -]?[0-9A-Z]){16}(?![\w-])", re.IGNORECASE), is_ups_valid),
    (re.compile(r"(?<![\w-])[A-Z]{2} ?\d{3} ?\d{3} ?\d{3} ?[A-Z]{2}(?![\w-])"), is_s10_valid),
    (re.compile(r"(?<![\w-])00(?: ?\d){18}(?![\w-])"), is_gs1_valid),
    (re.compile(r"(?<![\w-])9[1-5](?: ?\d){20}(?![\w-])"), is_gs1_valid),
    (re.compile(r"(?<![\w-])(?:JJD\d{14,20}|JVGL\d{12,20}|TBA\d{12})(?![\w-])"), lambda _: True),
)


def find_ids(text: str) -> list[Found]:
    """Find the ids; the value is the id without ``#``, the text is as written."""
    return keep_first([*find_tracking_numbers(text), *_find_apart(text), *_find_tokens(text)])


def find_tracking_numbers(text: str) -> list[Found]:
    """Find the numbers of UPS, the posts, parcels labelled by GS1 (DHL and others), USPS, and Amazon."""
    return [
        Found("tracking_id", number, match[0], match.start(), match.end())
        for shape, is_valid in _SHAPES
        for match in shape.finditer(text)
        if is_valid(number := re.sub(r"[ -]", "", match[0]).upper())
    ]


def _find_tokens(text: str) -> Iterator[Found]:
    for match in islice(TOKEN.finditer(text), MAX_TOKENS):
        kind = _judge(text, match)
        if kind not in KINDS:
            continue
        written, start = match["id"], match.start("id")
        pieces = written.split("/")
        # Two whole numbers with a slash between are two; a year and a number are one.
        if len(pieces) > 1 and all(sum(map(str.isdecimal, piece)) >= LONG_DIGITS for piece in pieces):
            for piece in re.finditer(r"[^/]+", written):
                yield Found(kind, piece[0].upper(), piece[0], start + piece.start(), start + piece.end())
            continue
        glued = _glued_word(written)
        start = start + glued if glued else match.start()
        yield Found(kind, written[glued:].upper(), text[start : match.end()], start, match.end())


def _find_apart(text: str) -> Iterator[Found]:
    """Find numbers written with blanks, but not lists: "orders 1234 5678" are two."""
    known = load_id_words()
    for match in islice(_GROUPS.finditer(text), MAX_TOKENS):
        said = _read_before(text, match.start())
        number = match["id"].replace(" ", "")
        if said and said.kind in KINDS and said.is_direct and said.is_exact and len(number) >= LONG_DIGITS:
            last = {word.lower() for word in _WORD.findall(_sentence_before(text, match.start()))[-2:]}
            if said.is_numbered or last.isdisjoint(known["plurals"]):
                yield Found(said.kind, number, match[0], match.start(), match.end())
    # "LC 205688", in a sentence about an order.
    for match in islice(_CAPITALS.finditer(text), MAX_TOKENS):
        said = _read_before(text, match.start())
        sentence = _sentence_before(text, match.start()) + _STOP.split(text[match.end() : match.end() + 50])[0]
        is_about = any(word.lower() in known["about_orders"] for word in _WORD.findall(sentence))
        if is_about and (said is None or said.kind in KINDS) and match["prefix"].lower() not in known["other"]:
            kind = said.kind if said and said.is_direct else "order_id"
            yield Found(kind, match["id"].replace(" ", "-"), match[0], match.start(), match.end())


def _judge(text: str, match: re.Match[str]) -> str | None:
    """Name what a number in one piece is: an entity type, ``other``, or ``None``."""
    written = match["id"]
    if glued := _glued_word(written):
        return word_kind(written[:glued].lower())
    digits = sum(map(str.isdecimal, written))
    said = _read_before(text, match.start())
    if said and said.kind == "carriers":
        return "tracking_id" if digits >= CARRIER_DIGITS and said.is_direct else None
    if said and (_is_sure(text, match, said, digits) or (said.kind == "other" and said.is_direct)):
        return said.kind
    prefix = re.match(r"(?:([A-Za-z]{2,5})[-_/]|([A-Za-z]{3,5}))(?=\d)", written)
    if prefix and (kind := load_id_words()["prefixes"].get((prefix[1] or prefix[2]).lower())):
        return str(kind)
    after = _read_after(text, match.end()) if digits >= MIN_TYPO_LENGTH else None
    return after or ("order_id" if match["hash"] and said is None and _stands_alone(text, match, digits) else None)


def _is_sure(text: str, match: re.Match[str], said: _Said, digits: int) -> bool:
    """Tell whether a word before a number means this number, and no quantity, year or number of something else."""
    written = match["id"]
    is_marked = said.is_numbered or bool(match["hash"])
    is_mixed = not written.isdecimal() and digits >= MIXED_DIGITS
    if said.kind == "other" or digits >= LONG_DIGITS or is_mixed:
        return said.is_exact or is_marked or digits >= LONG_DIGITS
    if not said.is_direct or not (said.is_exact or is_marked):
        return False
    if is_marked or not written.isdecimal():
        return True
    if YEAR.match(written):
        return text[: match.start()].rstrip().endswith(":")
    following = re.match(r"[ \u00a0]([^\W\d_]+)", text[match.end() : match.end() + 25])
    return len(written) > COUNTED_DIGITS or not following or following[1].lower() in load_id_words()["goes_on"]


def _stands_alone(text: str, match: re.Match[str], digits: int) -> bool:
    """Tell a number behind "#" that is not the number of the word before it, and no hashtag or colour."""
    if (
        digits < COUNTED_DIGITS
        or _HASHTAG.match(match["id"])
        or text[match.start() - 1 : match.start()].strip(" \t\n([,")
    ):
        return False
    words = _WORD.findall(_sentence_before(text, match.start()))
    return not words or words[-1].lower() in load_id_words()["before_hash"]


def _sentence_before(text: str, start: int) -> str:
    return _STOP.split(text[max(0, start - _LOOK_BACK) : start])[-1]


def _read_before(text: str, start: int) -> _Said | None:
    """Read the nearest telling word before a number."""
    known = load_id_words()
    is_direct, is_numbered = True, False
    sentence = _sentence_before(text, start)
    for word in list(_WORD.finditer(sentence))[: -REACH - 1 : -1]:
        small = word[0].lower()
        kind = word_kind(small)
        if small in known["number"] and kind in {None, "other"}:
            is_numbered = True
        elif kind:
            return _Said(kind, is_direct, is_numbered, is_exact=small in known["exact"])
        elif small not in known["links"]:
            is_direct = False
    return None


def _read_after(text: str, end: int) -> str | None:
    """Name what is said of a number right after it: "12345 is my order number"."""
    following = _IS.match(_STOP.split(text[end : end + 50])[0])
    known = load_id_words()
    for word in _WORD.findall(following[1]) if following else ():
        if (kind := word_kind(word.lower())) in KINDS:
            return kind
        if word.lower() not in known["links"] and word.lower() not in known["number"]:
            return None
    return None


def _glued_word(written: str) -> int:
    """Return the length of a word somebody forgot to space off, as in ``order4711``."""
    letters = re.match(r"[A-Za-z]*", written)
    length = letters.end() if letters else 0
    is_word = length >= MIN_TYPO_LENGTH and word_kind(written[:length].lower()) in KINDS
    return length if is_word and written[length].isdigit() else 0


def announced_kind(text: str, start: int) -> str | None:
    """Name what the nearest telling word before a number announces: an entity type, ``other``, or ``None``."""
    said = _read_before(text, start)
    return said.kind if said else None


@lru_cache(maxsize=4096)
def word_kind(word: str) -> str | None:
    """Name what a word announces: an entity type, ``carriers``, ``other``, or ``None``; one typo is forgiven."""
    known = load_id_words()
    for kind in (*KINDS, "carriers", "other"):
        if word in known[kind]:
            return kind
    if len(word) < MIN_TYPO_LENGTH - 1 or word in _NOT_A_TYPO:
        return None
    for kind in KINDS:
        if any(len(each) >= MIN_TYPO_LENGTH and is_one_typo(word, each) for each in known[kind]):
            return kind
    return None


@cache
def load_id_words() -> dict[str, Any]:
    """Read the words that ship; ``exact`` are all that announce something, ``plurals`` those of several numbers."""
    written: dict[str, Any] = read_shipped(_PATH)
    known = {name: words if isinstance(words, dict) else frozenset(map(str, words)) for name, words in written.items()}
    known["exact"] = frozenset().union(*(known[kind] for kind in (*KINDS, "carriers", "other")))
    return known


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
