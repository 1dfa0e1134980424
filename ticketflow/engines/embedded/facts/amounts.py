"""Amounts of money, as they are written in many countries."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, NamedTuple

from ticketflow.engines.embedded.facts.found import Found
from ticketflow.engines.embedded.facts.places import find_currency
from ticketflow.folding import fold
from ticketflow.shipped import read_shipped

_FORMS_PATH = Path(__file__).parent / "currencies.yaml"
# ISO 4217 minor unit 0
_NO_CENTS = frozenset({"JPY", "KRW", "VND", "CLP", "ISK", "PYG", "UGX", "XAF", "XOF", "XPF"})
_MINOR = 100
# More is a list somebody pasted. Each takes up to 0.1 ms.
MAX_NUMBERS = 1000
_CENTS = 2

_BLANK = r"[ \u00a0\u2009\u202f]"
# Groups of two and three as in India, groups of three, a part of one, or no groups. Four groups are a million
# millions; a row of more would be read again from each of them.
_NUMBER = re.compile(
    r"(?<![\d.,=])(?P<number>\d{1,2}(?:,\d{2}){1,4},\d{3}(?:\.\d{1,2})?(?!\d)"
    r"|[1-9]\d{0,2}(?:(?:\.\d{3}){1,4}(?:,\d{1,2})?|(?:,\d{3}){1,4}(?:\.\d{1,2})?"
    rf"|(?:(?:['’]|{_BLANK})\d{{3}}){{1,4}}(?:[.,]\d{{1,2}})?)(?!\d)"
    r"|0[.,]\d{1,8}(?!\d)|\d{1,12}(?:[.,]\d{1,2})?(?!\d))"
    r"(?P<no_cents>[.,:][-–—]{1,2}(?![\w-])|/-(?!\w))?(?![.,]\d)"
)
_SIGNS = "$€£¥￥₹₩₽₺₪₫₴₸₦₱฿₡₾¢"
# What stands before a number; letters before a sign belong to it ("HK$") where such a form is known.
_BEFORE = re.compile(
    rf"(?:(?P<sign>[{_SIGNS}])|\((?P<code>[A-Z]{{3}})\)|(?<![\w.])(?P<word>[^\W\d_]{{1,4}}(?:\.[^\W\d_])?\.?)):?{_BLANK}{{0,2}}\Z"
)
_BEFORE_LENGTH = 9
_AFTER = re.compile(
    rf"{_BLANK}?(?:(?P<sign>[{_SIGNS}])|\((?P<code>[A-Z]{{3}})\)"
    rf"|-?(?P<word>[^\W\d_]{{1,20}}(?:[./״-][^\W\d_]{{1,20}}){{0,2}}\.?)(?P<more>(?:{_BLANK}[^\W\d_]{{1,20}}){{0,2}}))"
)
_HUNDREDTHS = re.compile(rf"{_BLANK}?(?:(?:and|und|et|y|con|e|en|og|och|i){_BLANK})?(?P<cents>\d{{1,2}})(?!\d|[.,]\d)")
_WITH_CENTS = re.compile(r"[.,]\d\d\Z")
_PART = re.compile("[/-]")
_STOP = re.compile(r"\s*(?:[.,;:!?)]|\Z|\n)")
_RANGE = re.compile(
    rf"{_BLANK}?[-–—]{_BLANK}?|{_BLANK}(?:to|and|bis|und|à|et|al?|y|e|tot|en|do|i|до){_BLANK}", re.IGNORECASE
)
_TIGHT = frozenset("-–—")


def find_amounts(text: str, country: str | None = None) -> list[Found]:
    """Find amounts with a currency; the value reads ``1499.00 USD``.

    Args:
        text: Any text.
        country: ISO 3166 code of the customer's country: whose dollars or crowns they are, and whose "1299,-".
    """
    amounts = list(_Reader(text, find_currency(country)).read_all())
    filled = list(amounts)
    # Both ends of a range have the currency that one of them has: "20-30 €", "£20-30".
    for place, (low, high) in enumerate(pairwise(amounts)):
        between = text[low.end : high.start]
        if low.currency is None and high.currency and not high.is_signed and _RANGE.fullmatch(between):
            filled[place] = low._replace(currency=high.currency)
        if low.currency and low.is_signed and high.currency is None and between in _TIGHT:
            filled[place + 1] = high._replace(currency=low.currency)
    return [_describe(text, each) for each in filled if each.currency]


class _Amount(NamedTuple):
    """A number, and what currency it is of, if any.

    Attributes:
        is_signed: Whether the currency stands before the number.
    """

    start: int
    end: int
    number: Decimal
    currency: str | None
    is_signed: bool


class _Form(NamedTuple):
    """How a currency is written, and where."""

    written: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Forms:
    """How currencies are written.

    Attributes:
        codes: Currencies a sign or word may stand for, the likeliest first.
        first: Which of them may stand before a number.
        glued: Which of them touch the number before them, in writing without blanks.
        hundredths: Currencies a word for cents may stand for.
        times: What words multiply by.
        unsure: What stands for a currency only beside cents, or where it is the customer's.
        capitals: Codes that are words in small letters.
        joins: What may follow the hundredths in "49 euros 90 pour la sonnette".
        dashed: Currencies of "1299,-".
    """

    codes: Mapping[str, tuple[str, ...]]
    first: frozenset[str]
    glued: tuple[str, ...]
    hundredths: Mapping[str, tuple[str, ...]]
    times: Mapping[str, int]
    unsure: frozenset[str]
    capitals: frozenset[str]
    joins: frozenset[str]
    dashed: frozenset[str]


@cache
def _load_forms() -> _Forms:
    """Read the forms of amounts that ship."""
    written: dict[str, Any] = read_shipped(_FORMS_PATH)
    listed = [written[name] for name in ("signs", "letters", "unsure", "words", "suffixes")]
    codes = {form.lower(): tuple(each) for forms in listed for form, each in forms.items()}
    named = {code.lower() for code in (*written["codes"], *written["codes_after"])}
    first = [*written["signs"], *written["letters"], *written["unsure"], *written["codes"]]
    return _Forms(
        codes={code: (code.upper(),) for code in named} | codes,
        first=frozenset(each.lower() for each in first),
        glued=tuple(sorted(written["suffixes"], key=len, reverse=True)),
        hundredths={form: tuple(each) for form, each in written["hundredths"].items()},
        times=written["times"],
        unsure=frozenset([*written["unsure"], *written["unsure_hundredths"]]),
        capitals=frozenset(named - {code.lower() for code in written["small_codes"]} - codes.keys()),
        joins=frozenset(written["after_hundredths"].split()),
        dashed=frozenset(written["dashed"]),
    )


class _Reader:
    """Reads the numbers of a text and what stands beside them."""

    def __init__(self, text: str, local: str | None) -> None:
        self._text, self._local, self._forms = text, local, _load_forms()

    def read_all(self) -> Iterator[_Amount]:
        end = 0
        for match in islice(_NUMBER.finditer(self._text), MAX_NUMBERS):
            if match.start() >= end:
                amount = self._read(match)
                end = amount.end
                yield amount

    def _read(self, match: re.Match[str]) -> _Amount:
        start, end = match.span()
        before = self._find_before(start)
        times, end = self._find_times(end)
        after = self._find_after(end)
        codes = self._forms.codes
        # What follows counts where it says the same as what stands before, or more: "$120 CAD".
        is_same = before is None or (after and not set(codes.get(after.written, ())).isdisjoint(codes[before.written]))
        form = after if after and is_same else before
        if form is None:
            # The country's own, where it is written as prices are there.
            is_price = bool(match["no_cents"]) and self._local in self._forms.dashed
            bare = Decimal(plain_number(match["number"]))
            return _Amount(start, end, bare, self._local if is_price else None, is_signed=False)
        number = Decimal(plain_number(match["number"])) * times
        if form is before and self._is_glued(end):  # a word such as 5km
            return _Amount(start, end, number, None, is_signed=False)
        if form.written not in self._forms.codes:
            minor = self._choose(self._forms.hundredths[form.written], is_sure=form.written not in self._forms.unsure)
            return _Amount(start, form.end, number / _MINOR, minor, is_signed=False)
        is_sure = form.written not in self._forms.unsure or bool(_WITH_CENTS.search(match["number"]))
        currency = self._choose(self._forms.codes[form.written], is_sure=is_sure)
        start, end = min(start, (before or form).start), max(end, form.end)
        cents, end = self._find_cents(form, end) if form is after else (0, end)
        return _Amount(start, end, number + Decimal(cents) / _MINOR, currency, is_signed=form is before)

    def _is_glued(self, place: int) -> bool:
        """Tell a word that goes on at a place, in a script that leaves blanks between words."""
        return self._text[place : place + 1].isalpha() and self._text[place] < "\u3000"

    def _find_before(self, start: int) -> _Form | None:
        found = _BEFORE.search(self._text, max(0, start - _BEFORE_LENGTH), start)
        if not found:
            return None
        written = found["code"] or found["word"]
        if written:
            return self._known(written, found.start(), start) if written.lower() in self._forms.first else None
        # A sign, with the letters that belong to it.
        place = found.start("sign")
        for length in range(min(2, place), -1, -1):
            form = self._text[place - length : place + 1].lower()
            is_whole = not length or not self._text[max(0, place - length - 1) : place - length].isalpha()
            if is_whole and form in self._forms.first:
                return _Form(form, place - length, start)
        return None

    def _find_times(self, end: int) -> tuple[int, int]:
        """Read a word that multiplies, and where it ends."""
        found = _AFTER.match(self._text, end)
        word = found["word"] if found else None
        if not found or not word:
            return 1, end
        for form in (word.lower(), word.lower().rstrip("."), word[0]):
            if form in self._forms.times and (form != word[0] or len(word) == 1 or not form.isascii()):
                return self._forms.times[form], found.start("word") + len(form)
        return 1, end

    def _find_after(self, end: int) -> _Form | None:
        found = _AFTER.match(self._text, end)
        if not found:
            return None
        if found["sign"]:
            place = found.start("sign")
            is_whole = not self._is_glued(place + 1)
            return _Form(found["sign"], place, place + 1) if is_whole else None
        if found["code"]:
            return self._known(found["code"], found.start("code") - 1, found.end())
        start = found.start("word")
        if glued := next((each for each in self._forms.glued if found["word"].startswith(each)), None):
            return _Form(glued, start, start + len(glued))
        words = found["word"] + found["more"]
        forms = (
            words,
            words.rpartition(" ")[0],
            found["word"],
            found["word"].rstrip("."),
            _PART.split(found["word"])[0],
        )
        known = (self._known(form, start, start + len(form)) for form in forms)
        return next(filter(None, known), None)

    def _known(self, written: str, start: int, end: int) -> _Form | None:
        form = written.lower()
        is_word = form in self._forms.capitals and not written.isupper()
        is_known = form in self._forms.codes or form in self._forms.hundredths
        return _Form(form, start, end) if is_known and not is_word else None

    def _find_cents(self, form: _Form, end: int) -> tuple[int, int]:
        """Read the hundredths that follow a currency, and where they end."""
        found = _HUNDREDTHS.match(self._text, end)
        if not found:
            return 0, end
        cents = int(found["cents"])
        after = self._find_after(found.end())
        if after and after.written in self._forms.hundredths:
            return cents, after.end
        is_glued = found.start("cents") == end
        if len(found["cents"]) < _CENTS or (is_glued and form.written not in _SIGNS):
            return 0, end
        follows = _AFTER.match(self._text, found.end())
        is_joined = follows and (follows["word"] or "").lower() in self._forms.joins
        is_last = is_joined or _STOP.match(self._text, found.end())
        return (cents, found.end()) if is_glued or is_last else (0, end)

    def _choose(self, codes: tuple[str, ...], *, is_sure: bool) -> str | None:
        """Choose the customer's own currency if a form may stand for it, else the likeliest where that is sure."""
        return self._local if self._local in codes else codes[0] if is_sure else None


def _describe(text: str, amount: _Amount) -> Found:
    number, currency = amount.number, amount.currency
    exact = f"{number.normalize():f}"
    is_part_of_cent = len(exact.partition(".")[2]) > _CENTS
    value = f"{number:.0f}" if currency in _NO_CENTS else exact if is_part_of_cent else f"{number:.2f}"
    return Found("amount", f"{value} {currency}", text[amount.start : amount.end], amount.start, amount.end)


def plain_number(written: str) -> str:
    """Rewrite a number with any separators as ``1234.50``."""
    whole, cents = fold(written), ""
    if decimal := re.search(r"[.,](\d{1,2})\Z|(?<=\A0)[.,](\d+)\Z", whole):
        whole, cents = whole[: decimal.start()], decimal[1] or decimal[2]
    digits = "".join(filter(str.isdecimal, whole))
    return f"{digits}.{cents.ljust(_CENTS, '0')}"
