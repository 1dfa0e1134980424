"""Card and account numbers; they leave this module masked."""

import re

from ticketflow.engines.embedded.facts.found import Found
from ticketflow.workflow.steps.personal_data import find_cards, find_ibans

_VISIBLE = 4  # PCI DSS 4.0, requirement 3.4.1: at most first six and last four digits


def find_payment_numbers(text: str) -> list[Found]:
    """Find cards (Luhn) and IBANs (mod 97) and mask all but what identifies them to their owner."""
    ibans = [_masked("iban", text, span, keep_start=2) for span in find_ibans(text)]
    cards = [_masked("card", text, span, keep_start=0) for span in find_cards(text)]
    return ibans + cards


def _masked(kind: str, text: str, span: tuple[int, int], keep_start: int) -> Found:
    start, end = span
    compact = re.sub(r"[\s-]", "", text[start:end]).upper()
    hidden = "*" * (len(compact) - _VISIBLE - keep_start)
    masked = compact[:keep_start] + hidden + compact[-_VISIBLE:]
    return Found(kind, masked, masked, start, end)
