"""How many of the facts that rows state are found, by value and by place."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from ticketflow.evaluation.measured import Measured, Section, Yardstick, hits
from ticketflow.evaluation.metrics import Found
from ticketflow.evaluation.rows import GoldEntity, Row
from ticketflow.evaluation.run import Outcome
from ticketflow.workflow.state import Entity

# What data sets call the types we find.
DEFAULT_ALIASES: Mapping[str, str] = {
    "credit_card": "card",
    "e_mail": "email",
    "invoice_number": "invoice_id",
    "order_number": "order_id",
    "phone_number": "phone",
    "price": "amount",
    "refund_amount": "amount",
}

_NUMBER = re.compile(r"\d[\d.,' ]*")
_CURRENCY = re.compile(r"\b[A-Z]{3}\b")
_Wanted = TypeVar("_Wanted")
_Given = TypeVar("_Given")


def measure_entities(rows: Sequence[Row], outcomes: Sequence[Outcome], yardstick: Yardstick) -> Measured:
    """Count, for each type the data labels, what was found rightly, wrongly and not at all."""
    wanted = [_rename(row, yardstick.aliases) for row in rows]
    types = sorted({each.type for gold in wanted for each in gold})
    given = [[each for each in outcome.state.get("entities", []) if each["type"] in types] for outcome in outcomes]
    pairs = list(zip(wanted, given, strict=True))
    overall: dict[str, float] = {}
    for kind in types:
        of_kind = [
            ([g for g in gold if g.type == kind], [e for e in found if e["type"] == kind]) for gold, found in pairs
        ]
        values = [count_values(gold, found) for gold, found in of_kind]
        total = _total(values)
        overall |= {f"{kind}.precision": total.precision, f"{kind}.recall": total.recall, f"{kind}.f1": total.f1}
        placed = [pair for pair in of_kind if all(None not in (each.start, each.end) for each in pair[0])]
        overall[f"{kind}.span_f1"] = _total([count_spans(*pair) for pair in placed]).f1
    by_row = [count_values(gold, found) for gold, found in pairs]
    overall["entity_f1"] = _total(by_row).f1
    return Measured(
        rowwise={"entities_exact": hits([not (each.wrong or each.missed) for each in by_row])}, overall=overall
    )


def count_values(gold: Sequence[GoldEntity], given: Sequence[Entity]) -> Found:
    """Compare values; the same value twice in a text counts once."""
    wanted = {(each.type, _fold(each.value)): each for each in gold}
    found = {(each["type"], _fold(each["value"])): each for each in given}
    return _match(list(wanted.values()), list(found.values()), is_same_value)


def count_spans(gold: Sequence[GoldEntity], given: Sequence[Entity]) -> Found:
    """Compare places: where two overlap they mean the same, with or without a currency sign."""
    return _match(gold, given, _overlap)


def is_same_value(gold: GoldEntity, given: Entity) -> bool:
    """Tell whether two values are one, however written; a currency counts only if the data names it."""
    if gold.type != given["type"]:
        return False
    if gold.type == "amount" and not _CURRENCY.search(gold.value):
        return _amount(gold.value) == _amount(given["value"])
    if gold.type == "amount":
        return _fold(gold.value) == _fold(given["value"]) or (
            _amount(gold.value) == _amount(given["value"])
            and _CURRENCY.findall(gold.value) == _CURRENCY.findall(given["value"])
        )
    return _fold(gold.value) == _fold(given["value"])


def _match(wanted: Sequence[_Wanted], given: Sequence[_Given], is_same: Callable[[_Wanted, _Given], bool]) -> Found:
    """Pair each wanted thing with the first given one that is the same and not yet taken."""
    left = list(given)
    for each in wanted:
        same = next((one for one in left if is_same(each, one)), None)
        if same is not None:
            left.remove(same)
    right = len(given) - len(left)
    return Found(right, wrong=len(left), missed=len(wanted) - right)


def _overlap(gold: GoldEntity, given: Entity) -> bool:
    if gold.start is None or gold.end is None:
        return False
    is_same_field = gold.type == given["type"] and gold.field == given["field"]
    return is_same_field and gold.start < given["end"] and given["start"] < gold.end


def _rename(row: Row, aliases: Mapping[str, str]) -> list[GoldEntity]:
    named = [each.model_copy(update={"type": aliases.get(each.type, each.type)}) for each in row.gold.entities or ()]
    return [each for each in named if each.type]


def _total(counts: Sequence[Found]) -> Found:
    return Found(
        sum(each.right for each in counts), sum(each.wrong for each in counts), sum(each.missed for each in counts)
    )


def _fold(value: str) -> str:
    """Drop what writing the same value differently changes: case, blanks, punctuation."""
    return "".join(character for character in value.casefold() if character.isalnum())


def _amount(value: str) -> float | None:
    """Read the number in an amount: the last point or comma with one or two digits behind it begins the cents."""
    found = _NUMBER.search(value)
    if found is None:
        return None
    whole, _, cents = re.sub(r"[.,](\d{1,2})\Z", r"|\1", found[0].strip(" .,'")).partition("|")
    return float(f"{re.sub(r'[^0-9]', '', whole)}.{cents or 0}")


ENTITIES = Section("entities", ("extract",), lambda row: row.gold.entities is not None, measure_entities)
