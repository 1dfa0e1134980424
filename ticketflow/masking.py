"""Star out card and bank account numbers before anything keeps them.

Found by length, issuer and checksum, however they are written: in one piece, in groups of any sizes with up to
three characters between them that are neither letters nor digits, over the lines of a quoted mail, glued to
words or to each other, in full-width or other digits, with signs among them that cannot be seen or only look
alike. A number that only happens to fit is starred too, better that than one left in clear, unless the words right
before it say that it is another (``sparing``).
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate, pairwise, zip_longest
from typing import Any, Literal

from ticketflow.folding import fold, fold_character
from ticketflow.sparing import drop_others

Span = tuple[int, int]

VISIBLE = 4  # PCI DSS 4.0, requirement 3.4.1: at most the first six and last four digits
COUNTRY = 2

# First digits and lengths, as issuers publish them; Maestro's 50 and 56-69 also take in RuPay, Verve, Elo and others.
_ISSUERS = (
    (r"4", {13, 16, 18, 19}),  # Visa, V Pay
    (r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", {16}),  # Mastercard
    (r"3[47]", {15}),  # American Express
    (r"30[0-59]|3[689]", {14, 16, 19}),  # Diners Club
    (r"35|8[12]", {16, 17, 18, 19}),  # JCB, UnionPay, RuPay
    (r"2131|1800", {15}),  # JCB, the old ones
    (r"50|5[6-9]|6|0604", {12, 13, 14, 15, 16, 17, 18, 19}),  # Maestro, Discover, UnionPay
    (r"220[0-4]|9792", {16, 17, 18, 19}),  # Mir, Troy
)
_ISSUER_PATTERNS = tuple((re.compile(first), lengths) for first, lengths in _ISSUERS)
# How cards print their digits; in other groups the separators must all be alike.
_CARD_GROUPS = re.compile(r"(?:4 )*[1-4] |4 6 [45] ")

# SWIFT IBAN registry, release 101, and the countries that use IBANs without being in it.
_IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "AX DK FI FK FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE GG IE IM JE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "AO CV GW LY MZ PT ST",
        26: "DZ IR IS TR",
        27: "BI BL CF CG CM DJ FR GA GF GP GQ GR IT KM MC MF MG MQ MR NC PF PM RE SM TD TF WF YT",
        28: "AL AZ BF BJ BY CI CY DO GT HN HU LB MA ML NE NI PL SN SV TG",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}

# Between two digits: up to three characters, or the end of a line with what begins the next one in a quoted mail.
# Nothing here is tried twice, so that hostile texts take no longer than others.
_GAP = r"(?>(?>[\W_]{0,3}+)(?![\W_])|(?>(?:[^\S\n]|[._/-]){0,4}+\n[\s>|*._/-]{0,12}+))"
_DIGITS = re.compile(rf"\d(?:{_GAP}\d){{11,}}+")
_GROUP = re.compile(r"\d+")
_IBAN_START = re.compile(rf"(?=([A-Z]){_GAP}([A-Z]){_GAP}\d{_GAP}\d)")
_SIGNS = re.compile(rf"[A-Z\d](?:{_GAP}[A-Z\d]){{14,}}+")
_IN_FOURS = re.compile(r"[A-Z]{2}\d\d(?:[\W_]+[A-Z\d]{4})*(?:[\W_]+[A-Z\d]{1,4})?")
# Made by machines and full of digits: UUIDs, and digests as long as digests are (MD5 to SHA-512).
_MACHINE_ID = re.compile(
    r"(?<![A-Z\d])(?:[A-F\d]{8}(?:-[A-F\d]{4}){3}-[A-F\d]{12}"
    r"|(?=\d*[A-F])(?:[A-F\d]{32}|[A-F\d]{40}|[A-F\d]{48}|[A-F\d]{56}|[A-F\d]{64}|[A-F\d]{96}|[A-F\d]{128}))(?![A-Z\d])"
)
# What else people write in groups of different kinds: amounts, dates, times, places, IP addresses, phone numbers.
_AMOUNTS = re.compile(r"(?:0|[1-9]\d{0,2}(?:[.,'’]\d{3})*|[1-9]\d{0,5})[.,]\d\d|[1-9]\d{0,2}(?:[.,'’]\d{3})+")
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_DATE = rf"(?:19|20)\d\d[-./](?:0?[1-9]|1[0-2])[-./]{_DAY}|{_DAY}[-./]{_DAY}[-./](?:19|20)?\d\d"
_OTHER = re.compile(
    rf"(?:{_DATE}|(?:0?[1-9]|1[0-2])/(?:20)?\d\d|[0-2]?\d:[0-5]\d(?::[0-5]\d(?:[.,]\d{{1,9}})?)?"
    r"|\d{1,3}\.\d{4,8}|\d{1,3}(?:\.\d{1,3}){3}|(?:1[-.])?[2-9]\d\d[-.][2-9]\d\d[-.]\d{4}|0\d{1,5}[-/]\d{3,9}(?:-\d{1,4})?)"
)
_JOINERS = "-.,:/'’_"
_TOKEN = re.compile(rf"\d(?:[{_JOINERS}]?\d)*+")
_SMALLEST = 10**11  # what a number must have before its point to hold a card's twelve digits
MIN_CARD_DIGITS = 12
MAX_CARD_DIGITS = 19  # ISO/IEC 7812-1
PHONE_DIGITS = 15  # ITU-T E.164: what a plus introduces is no longer
MAX_GLUED_DIGITS = 100  # more without a break is no row of cards
SHORT_TOKEN = 2
LONG_ROWS = 1000  # characters; from here on NumPy is faster than looking at one window after the other
MANY_STARTS = 100
_AS_NUMBERS = {ord(character): str(int(character, 36)) for character in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_DOUBLED = str.maketrans("0123456789", "0246813579")
_STARS = dict.fromkeys(map(ord, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"), "*")


@dataclass(frozen=True, slots=True)
class PaymentNumber:
    """A card or account number in a text.

    Attributes:
        kind: What it is.
        value: The number without separators, starred.
        text: As written, starred.
        start: First character, zero-based.
        end: One past the last character.
    """

    kind: Literal["card", "iban"]
    value: str
    text: str
    start: int
    end: int


def mask_payment_numbers(text: str) -> tuple[str, list[PaymentNumber]]:
    """Star out card and account numbers; no character moves.

    Returns:
        The text with all but the last four characters of each number (and an account's country)
        starred, separators kept; and the numbers in order of appearance.
    """
    ibans, cards = _find_both(text)
    masked = _star(_star(text, ibans, COUNTRY), cards, 0)
    found: list[tuple[Literal["card", "iban"], Span]] = [("iban", span) for span in ibans]
    found += [("card", span) for span in cards]
    return masked, [_describe(kind, masked, span) for kind, span in sorted(found, key=lambda each: each[1])]


def mask_text(text: str) -> str:
    """Star out card and account numbers in a text."""
    ibans, cards = _find_both(text)
    return _star(_star(text, ibans, COUNTRY), cards, 0)


def mask_all(value: Any) -> Any:
    """Star out card and account numbers in every string of plain JSON, names included.

    A number that is one becomes a string; what is neither text nor number nor holds any is given back as it is.
    """
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, dict):
        return {mask_all(name): mask_all(below) for name, below in value.items()}
    if isinstance(value, list | tuple):
        return [mask_all(each) for each in value]
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= _SMALLEST:
        written = repr(value)
        masked = mask_text(written)
        return value if masked == written else masked
    return value


def find_ibans(text: str) -> list[Span]:
    """Locate account numbers: country and length of the registry, and a valid checksum."""
    folded = fold(text)
    return _place(text, folded, _find_ibans(folded))


def find_cards(text: str) -> list[Span]:
    """Locate card numbers: an issuer's first digits and length, and a valid check digit.

    Where two overlap, only one can be right; they are given as one.
    """
    folded = fold(text)
    return _place(text, folded, drop_others(folded, _find_cards(folded)))


def _find_both(text: str) -> tuple[list[Span], list[Span]]:
    """Locate accounts, and the cards beside them."""
    folded = fold(text)
    ibans = _find_ibans(folded)
    # Of an account four digits stay: they must neither hide a card that follows nor become a part of one.
    cards = _find_cards(_star(folded, ibans, COUNTRY))
    if ibans:
        cards = _join([*cards, *_find_cards(_star(folded, ibans, 0, 0))])
    return _place(text, folded, ibans), _place(text, folded, drop_others(folded, cards))


def _find_ibans(folded: str) -> list[Span]:
    spans: list[Span] = []
    for count, found in enumerate(_IBAN_START.finditer(folded)):
        if count == MANY_STARTS:
            from ticketflow.long_rows import find_accounts  # noqa: PLC0415  # NumPy is slow to load and seldom needed

            rows = [found.span() for found in _SIGNS.finditer(folded)]
            sure, unsure = find_accounts(folded, rows, _IBAN_LENGTHS) if rows else ([], [])
            spans = sure + [(start, end) for start, end in unsure if _IN_FOURS.fullmatch(folded, start, end)]
            break
        length = _IBAN_LENGTHS.get(found[1] + found[2])
        written = _characters(length).match(folded, found.start()) if length else None
        if written and _is_iban(written[0]):
            spans.append(written.span())
    return _without_machine_ids(folded, _join(spans))


def _find_cards(folded: str) -> list[Span]:
    rows = [found.span() for found in _DIGITS.finditer(folded)]
    if sum(end - start for start, end in rows) > LONG_ROWS:
        from ticketflow.long_rows import LongRows  # noqa: PLC0415  # NumPy is slow to load and seldom needed

        long_rows = LongRows(folded, rows, [_count_after_plus(folded, start) for start, _ in rows])
        spans = long_rows.find_numbers(_card_lengths, _JOINERS, lambda: _judge_tokens(folded, rows))
        glued = _find_glued(folded, long_rows.list_groups(MAX_CARD_DIGITS + 1, MAX_GLUED_DIGITS))
        return _without_machine_ids(folded, _join([*spans, *glued]))
    spans = _join([span for row in rows for span in _Run(folded, *row).find_cards()])
    return _without_machine_ids(folded, spans)


def is_luhn_valid(digits: str) -> bool:
    """Check the Luhn digit (ISO/IEC 7812-1 annex B) of a string of digits."""
    return bool(digits) and sum(map(int, digits[-1::-2] + digits[-2::-2].translate(_DOUBLED))) % 10 == 0


def is_iban_valid(compact: str) -> bool:
    """Check the mod 97 checksum (ISO 13616, ISO/IEC 7064) of an IBAN without separators, in capitals."""
    moved = compact[4:] + compact[:4]
    return int(moved.translate(_AS_NUMBERS)) % 97 == 1


class _Run:
    """Groups of digits with little between them, and what takes one look to know about any part of them."""

    def __init__(self, text: str, first: int, last: int) -> None:
        self._text = text
        self._groups = [found.span() for found in _GROUP.finditer(text, first, last)]
        self._digits = "".join(text[start:end] for start, end in self._groups)
        lengths = [end - start for start, end in self._groups]
        # Of each group, how many digits come before it; the last is how many there are.
        self._offsets = [0, *accumulate(lengths)]
        self._sums = _sum_luhn(self._digits)
        self._after_plus = _count_after_plus(text, first)

    def find_cards(self) -> Iterator[Span]:
        """Try every run of whole groups, and a single group as several numbers without anything between them."""
        ends = {offset: index for index, offset in enumerate(self._offsets)}
        for index, start in enumerate(self._offsets[:-1]):
            # The longest holds the others.
            for length in _card_lengths(self._digits[start : start + 4]):
                end = start + length
                last, sums = ends.get(end), self._sums[end % 2]
                if last is None or end <= self._after_plus or (sums[end] - sums[start]) % 10:
                    continue
                if self._is_one_number(index, last - 1):
                    yield self._groups[index][0], self._groups[last - 1][1]
                    break
        yield from _find_glued(self._text, self._groups)

    def _is_one_number(self, first: int, last: int) -> bool:
        """Tell a number in groups from several amounts, dates or times in a row."""
        if first == last or self._kinds[last] == self._kinds[first + 1]:
            return True
        strange, places = self._tokens
        return strange[places[last] + 1] > strange[places[first]] or self._is_grouped_like_a_card(first, last)

    def _is_grouped_like_a_card(self, first: int, last: int) -> bool:
        sizes = "".join(f"{end - start} " for start, end in self._groups[first : last + 1])
        return bool(_CARD_GROUPS.fullmatch(sizes))

    @cached_property
    def _kinds(self) -> list[int]:
        """Count for each group how often the gap before it was another than the one before that, blanks aside."""
        gaps = [self._text[end:start].strip() for (_, end), (start, _) in pairwise(self._groups)]
        return [0, 0, *accumulate(int(one != other) for one, other in pairwise(gaps))]

    @cached_property
    def _tokens(self) -> tuple[list[int], list[int]]:
        """Count tokens that are nothing else than a number, and say in which token each group is."""
        row = self._groups[0][0], self._groups[-1][1]
        starts = [token.start() for token in _TOKEN.finditer(self._text, *row)]
        return [0, *accumulate(_judge_tokens(self._text, [row]))], [
            bisect_right(starts, start) - 1 for start, _ in self._groups
        ]


def _judge_tokens(text: str, rows: list[Span]) -> list[bool]:
    """Tell of each token of rows whether it is nothing else than a number."""
    strange: list[bool] = []
    amount, other, short, long = range(4)
    kinds: dict[str, int] = {}
    for row in rows:
        tokens: list[str] = _TOKEN.findall(text, *row)
        for token in set(tokens) - kinds.keys():
            is_short = len(token) <= SHORT_TOKEN
            kinds[token] = short if is_short else long
            if _AMOUNTS.fullmatch(token):
                kinds[token] = amount
            elif _OTHER.fullmatch(token):
                kinds[token] = other
        # A number of pieces may stand before an amount; other short numbers are a part of something.
        found = [kinds[token] for token in tokens]
        strange += [kind == long or (kind == short and then != amount) for kind, then in zip_longest(found, found[1:])]
    return strange


def _count_after_plus(text: str, first: int) -> int:
    return PHONE_DIGITS if first and text[first - 1] == "+" else 0


def _sum_luhn(digits: str) -> tuple[list[int], list[int]]:
    """Add digits up for Luhn, twice: every second one doubled, for numbers that end at even places and at odd ones."""
    plain, doubled = [int(digit) for digit in digits], [int(digit) for digit in digits.translate(_DOUBLED)]
    even, odd = plain.copy(), plain
    even[0::2] = doubled[0::2]
    odd[1::2] = doubled[1::2]
    return [0, *accumulate(even)], [0, *accumulate(odd)]


def _find_glued(text: str, groups: list[Span]) -> Iterator[Span]:
    for start, end in groups:
        if MAX_CARD_DIGITS < end - start <= MAX_GLUED_DIGITS:
            yield from _split_glued(text[start:end], start)


def _split_glued(digits: str, place: int) -> Iterator[Span]:
    """Take digits in one piece apart into cards, if that leaves nothing over."""
    both = _sum_luhn(digits)
    ways: dict[int, int] = {0: 0}
    for start in range(len(digits) - MIN_CARD_DIGITS + 1):
        if start in ways:
            for length in _card_lengths(digits[start : start + 4]):
                end = start + length
                if end <= len(digits) and end not in ways:
                    sums = both[end % 2]
                    if (sums[end] - sums[start]) % 10 == 0:
                        ways[end] = start
    end = len(digits)
    while end and end in ways:
        yield place + ways[end], place + end
        end = ways[end]


def _join(spans: list[Span]) -> list[Span]:
    """Join what overlaps: only one can be right, and nobody knows which."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start < joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def _without_machine_ids(text: str, spans: list[Span]) -> list[Span]:
    """Drop spans within what machines made, unless numbers are all that it consists of."""
    if not spans:
        return spans
    starts = [start for start, _ in spans]
    dropped: set[int] = set()
    for found in _MACHINE_ID.finditer(text):
        within = range(bisect_right(starts, found.start() - 1), bisect_right(starts, found.end() - 1))
        if sum(spans[index][1] - spans[index][0] for index in within) != found.end() - found.start():
            first = within.start - 1
            dropped.update(within, [first] if first >= 0 and spans[first][1] > found.start() else [])
    return [span for index, span in enumerate(spans) if index not in dropped]


@lru_cache(maxsize=10_000)
def _card_lengths(first_digits: str) -> tuple[int, ...]:
    matching = [lengths for first, lengths in _ISSUER_PATTERNS if first.match(first_digits)]
    return tuple(sorted(set().union(*matching), reverse=True))


def _is_iban(written: str) -> bool:
    compact = written if written.isalnum() else re.sub(r"[\W_]", "", written)
    if not is_iban_valid(compact):
        return False
    # Words of a sentence pass the checksum one time in a hundred, but are neither digits nor groups of four.
    mostly_digits = 2 * sum(map(str.isdecimal, compact)) >= len(compact)
    return mostly_digits or compact == written or bool(_IN_FOURS.fullmatch(written))


@lru_cache
def _characters(count: int) -> re.Pattern[str]:
    return re.compile(rf"[A-Z\d](?:{_GAP}[A-Z\d]){{{count - 1}}}")


def _place(text: str, folded: str, spans: list[Span]) -> list[Span]:
    """Give spans of a folded text their places in the text itself."""
    if not spans or len(folded) == len(text):
        return spans
    unseen = {each for each in set(text) if not fold_character(each)}
    places = [place for place, character in enumerate(text) if character not in unseen]
    return [(places[start], places[end - 1] + 1) for start, end in spans]


def _star(text: str, spans: list[Span], keep: int, visible: int = VISIBLE) -> str:
    """Star the letters and digits of spans except the first ``keep`` and the last ``visible``."""
    pieces = []
    last = 0
    for start, end in spans:
        number = text[start:end]
        first_starred = start + _skip(number, keep)
        last_starred = max(first_starred, end - _skip(number[::-1], visible))
        starred = text[first_starred:last_starred]
        stars = _STARS if starred.isascii() else {ord(each): "*" for each in set(starred) if _is_sign(each)}
        pieces += [text[last:first_starred], starred.translate(stars)]
        last = last_starred
    return "".join([*pieces, text[last:]])


def _skip(number: str, count: int) -> int:
    """Count the characters that hold so many letters and digits."""
    head = number[:count]
    if head.isascii() and head.isalnum():
        return count
    for place, character in enumerate(number):
        if not count:
            return place
        count -= _is_sign(character)
    return len(number)


def _is_sign(character: str) -> bool:
    return fold_character(character).isalnum()


def _describe(kind: Literal["card", "iban"], masked: str, span: Span) -> PaymentNumber:
    written = masked[slice(*span)]
    value = "".join(each for each in fold(written) if each.isalnum() or each == "*")
    return PaymentNumber(kind, value, written, *span)
