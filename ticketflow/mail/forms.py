"""What a web form or a chat wrote around the customer's words."""

import re
from collections.abc import Sequence

from ticketflow.mail.closings import is_name
from ticketflow.mail.lines import Line
from ticketflow.mail.phrases import pattern, phrases, plain

_MIN_FIELDS = 3
_MIN_TURNS = 3
_LABEL_END = r")[*_]{0,2}\s{0,3}:[*_]{0,2}\s*"
_RULE = re.compile(r"[-_=*~#+\u2013\u2014\u2500]{5,}+")
# What a form says of itself below: the page it stands on, the machine it was sent from.
_SOURCE = re.compile(r"https?://|\bip\b|\b\d{1,3}(?:\.\d{1,3}){3}\b")
_TURN = re.compile(r"[(\[]?\d{1,2}:\d\d(?::\d\d)?(?: ?[ap]m)?[)\]]?\s{0,3}-?\s{0,3}([^:\n]{1,40}):\s*", re.IGNORECASE)


def mark_forms(lines: Sequence[Line]) -> None:
    """Mark the fields of a form, and the label before the message in it."""
    own = [each for each in lines if each.kind == "own"]
    fields_of, message_of = (pattern(f"form.{name}", "[*_]{0,2}(", _LABEL_END) for name in ("fields", "message"))
    found = [(line, fields_of.match(line.plain), message_of.match(line.plain)) for line in own]
    fields = {each[1] for _, each, _ in found if each}
    if len(fields) < _MIN_FIELDS - any(message for _, _, message in found):
        return
    has_message = False
    for index, (line, field, message) in enumerate(found):
        before = found[index - 1] if index else None
        is_value = bool(before and before[1] and not before[0].plain[before[1].end() :] and not line.is_after_gap)
        if message:
            has_message = True
            line.content += message.end()
        elif _RULE.fullmatch(line.text) or (has_message and _SOURCE.search(line.plain)):
            line.kind = "frame"
        elif (field and not has_message) or is_value:
            line.kind = "form"


def mark_turns(lines: Sequence[Line], name: str | None) -> None:
    """Mark what the other side said in a chat, where it is clear who is who."""
    turns = [_TURN.match(line.text) for line in lines]
    speakers = {plain(each[1]).strip() for each in turns if each}
    customers = {each for each in speakers if each in phrases("visitors") or is_name(each, name)}
    if sum(map(bool, turns)) < _MIN_TURNS or len(speakers) == len(customers) or not customers:
        return
    is_customer = True
    for line, turn in zip(lines, turns, strict=True):
        if turn:
            is_customer = plain(turn[1]).strip() in customers
            line.content += turn.end()
        if not is_customer:
            line.kind = "quoted"
