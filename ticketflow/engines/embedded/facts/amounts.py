"""Amounts of money."""

import re
from decimal import Decimal

from ticketflow.engines.embedded.facts.found import Found

_SYMBOLS = {
    "$": "USD", "US$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "₩": "KRW", "₽": "RUB",
    "zł": "PLN", "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD", "R$": "BRL", "Rs": "INR", "Rs.": "INR",
}  # fmt: skip
_WORDS = {
    "dollar": "USD", "dollars": "USD", "bucks": "USD", "euro": "EUR", "euros": "EUR", "pound": "GBP",
    "pounds": "GBP", "quid": "GBP", "yen": "JPY", "rupees": "INR", "francs": "CHF", "franken": "CHF",
    "dólares": "USD", "dólar": "USD", "livres": "GBP", "libras": "GBP", "pfund": "GBP", "reais": "BRL",
}  # fmt: skip
_CODES = (
    "USD", "EUR", "GBP", "CHF", "JPY", "CNY", "INR", "AUD", "CAD", "NZD", "SEK", "NOK", "DKK", "PLN", "CZK",
    "HUF", "RON", "BRL", "MXN", "KRW", "TRY", "ZAR", "SGD", "HKD", "AED",
)  # fmt: skip
_NO_CENTS = frozenset({"JPY", "KRW"})  # ISO 4217 minor unit 0

_TIMES = {
    "k": 1_000, "thousand": 1_000, "tausend": 1_000, "mille": 1_000, "mil": 1_000, "m": 1_000_000,
    "million": 1_000_000, "millionen": 1_000_000, "mio": 1_000_000, "millions": 1_000_000, "millones": 1_000_000,
}  # fmt: skip

# Groups of three, the groups of two of India, or no groups; "15,-" has no cents.
_NUMBER = (
    r"\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d{1,2})?(?!\d)"
    r"|\d{1,3}(?:[.,'’  ]\d{3})+(?:[.,]\d{1,2})?(?!\d)"
    r"|\d{1,9}(?:[.,]\d{1,2}|[.,][-–](?!\d))?(?!\d)"
)
_SYMBOL = "|".join(sorted(map(re.escape, _SYMBOLS), key=len, reverse=True))
_NAME = "|".join([*_CODES, *sorted(_WORDS, key=len, reverse=True)])
_MANY = "|".join(sorted(_TIMES, key=len, reverse=True))
_SIGN = rf"(?P<sign>{_SYMBOL}|(?:{'|'.join(_CODES)})(?=[ \d]))"
_BEFORE = rf"{_SIGN}\s?(?P<n1>{_NUMBER})(?:\s?(?P<times1>{_MANY})\b)?(?!\w|[.,]\d)"
_AFTER = rf"(?P<n2>{_NUMBER})(?:\s?(?P<times2>{_MANY})\b)?\s?(?:(?P<after>{_SYMBOL})(?!\w)|(?P<name>{_NAME})\b)"
# A sign may stick to the word before it ("refund$20"); a number may not.
_AMOUNT = re.compile(rf"(?:(?<![\w.,])|(?<=[a-z])(?=[$€£])){_BEFORE}|(?<![\w.,]){_AFTER}", re.IGNORECASE)
_FOLDED = {key.lower(): code for key, code in {**_SYMBOLS, **_WORDS, **{code: code for code in _CODES}}.items()}


def find_amounts(text: str) -> list[Found]:
    """Find amounts with a currency; the value reads ``1499.00 USD`` (``$`` alone counts as US dollar)."""
    matches = ((match, match["sign"] or match["after"] or match["name"]) for match in _AMOUNT.finditer(text))
    # Letters that only IGNORECASE takes for those of a currency make it none of ours.
    return [_found(match, _FOLDED[word.lower()]) for match, word in matches if word.lower() in _FOLDED]


def _found(match: re.Match[str], currency: str) -> Found:
    number = plain_number(match["n1"] or match["n2"], has_cents=currency not in _NO_CENTS)
    if times := _TIMES.get((match["times1"] or match["times2"] or "").lower()):
        number = str(Decimal(number) * times)
    return Found("amount", f"{number} {currency}", match[0], match.start(), match.end())


def plain_number(written: str, *, has_cents: bool) -> str:
    """Rewrite a number with any separators as ``1234.50``, or ``1234`` without cents."""
    whole, cents = written, ""
    decimal = re.search(r"[.,](\d{1,2})\Z", written)
    if decimal:
        whole, cents = written[: decimal.start()], decimal[1]
    digits = re.sub(r"\D", "", whole)
    return f"{digits}.{cents.ljust(2, '0')}" if has_cents else digits
