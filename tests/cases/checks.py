"""What must hold of a case, compared with what the product made of it."""

import html
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

# Why a ticket was ignored, by the names of the file, where they are others than ours.
REASONS = {"no_reply": "auto_reply", "automatic": "auto_reply"}
_NOT_A_DIGIT_OR_LETTER = re.compile(r"[\W_]+")


@dataclass
class Outcome:
    """What came of a case.

    Attributes:
        shown: The ticket as the API shows it; facts alone for a text.
        own_text: What was taken for the customer's words.
        articles: Titles and bodies that were imported.
        tickets: How many tickets were taken.
        refusal: All that was said about what was not taken.
    """

    shown: Mapping[str, Any] = field(default_factory=dict)
    own_text: str = ""
    articles: list[tuple[str, str]] = field(default_factory=list)
    tickets: int = 0
    refusal: str = ""

    @property
    def result(self) -> Mapping[str, Any]:
        """The ticket's result."""
        return self.shown.get("result") or {}

    @property
    def reply(self) -> str:
        """The letter; nothing when none goes out."""
        return self.shown.get("final_response") or ""


def find_faults(expected: Mapping[str, Any], outcome: Outcome) -> list[str]:
    """Say what does not hold."""
    faults = []
    for name, wanted in expected.items():
        if name == "any_of":
            tried = [find_faults(each, outcome) for each in wanted]
            faults += [] if [] in tried else [f"none of {tried}"]
        elif not CHECKS[name](wanted, outcome):
            faults.append(f"{name}: wanted {wanted!r}, {_describe(name, outcome)}")
    return faults


def _is_any(wanted: Any, found: Any) -> bool:
    return found in (wanted if isinstance(wanted, list) else [wanted])


def _has_fact(wanted: Mapping[str, Any], outcome: Outcome) -> bool:
    return any(all(_is_any(value, each.get(name)) for name, value in wanted.items()) for each in _facts(outcome))


def _facts(outcome: Outcome) -> list[dict[str, Any]]:
    return outcome.shown.get("entities") or []


def _folded(text: str) -> str:
    return " ".join(text.split())


def _written(outcome: Outcome) -> str:
    """Return all that is shown and kept, the way a reader who looks for a number would see it."""
    everything = json.dumps([outcome.shown, outcome.own_text], ensure_ascii=False, default=str)
    return _NOT_A_DIGIT_OR_LETTER.sub("", html.unescape(everything))


def _kept(outcome: Outcome) -> str:
    return f"{outcome.shown.get('subject', '')}\n{outcome.shown.get('body', '')}"


def _all(found: Callable[[Any, Outcome], bool]) -> Callable[[Any, Outcome], bool]:
    return lambda wanted, outcome: all(found(each, outcome) for each in wanted)


def _has_reason(wanted: Any, outcome: Outcome) -> bool:
    names = [REASONS.get(each, each) for each in (wanted if isinstance(wanted, list) else [wanted])]
    return outcome.result.get("reason") in names


def _names(wanted: Any, outcome: Outcome) -> bool:
    words = wanted if isinstance(wanted, list) else [wanted]
    return all(each.lower() in outcome.refusal.lower() for each in words)


CHECKS: dict[str, Callable[[Any, Outcome], bool]] = {
    "outcome": lambda wanted, it: _is_any(wanted, it.result.get("resolution")),
    "reason": _has_reason,
    "category": lambda wanted, it: _is_any(wanted, it.shown.get("category")),
    "priority": lambda wanted, it: _is_any(wanted, it.shown.get("priority")),
    "sentiment": lambda wanted, it: _is_any(wanted, it.shown.get("sentiment")),
    "language": lambda wanted, it: _is_any(wanted, it.shown.get("language")),
    "subject": lambda wanted, it: _is_any(wanted, it.shown.get("subject")),
    "customer": lambda wanted, it: it.shown.get("customer") == wanted,
    "own_text": lambda wanted, it: _is_any(wanted, _folded(it.own_text)),
    "completeness_below": lambda wanted, it: it.result.get("completeness", 1.0) < wanted,
    "entities": _all(_has_fact),
    "not_entities": _all(lambda wanted, it: not _has_fact(wanted, it)),
    "masked": _all(lambda wanted, it: wanted not in _written(it)),
    "not_masked": _all(lambda wanted, it: wanted in _kept(it)),
    "reply_contains": _all(lambda wanted, it: wanted in it.reply),
    "reply_lacks": _all(lambda wanted, it: wanted not in it.reply),
    "titles": _all(lambda wanted, it: wanted in [title for title, _ in it.articles]),
    "article_contains": _all(lambda wanted, it: any(wanted in body for _, body in it.articles)),
    "article_lacks": _all(lambda wanted, it: not any(wanted in body for _, body in it.articles)),
    "articles": lambda wanted, it: _is_any(wanted, len(it.articles)),
    "tickets": lambda wanted, it: _is_any(wanted, it.tickets),
    "error_names": _names,
}


def _describe(name: str, outcome: Outcome) -> str:
    """Show what a check looked at."""
    seen: Any = outcome.shown.get(name, outcome.result)
    if name in {"entities", "not_entities"}:
        seen = [f"{each['type']} {each['value']}" for each in _facts(outcome)]
    elif name == "own_text":
        seen = _folded(outcome.own_text)
    elif name.startswith("reply"):
        seen = outcome.reply
    elif name in {"titles", "article_contains", "article_lacks", "articles"}:
        seen = outcome.articles
    elif name in {"error_names", "tickets"}:
        seen = [outcome.tickets, outcome.refusal]
    elif name in {"masked", "not_masked"}:
        seen = _kept(outcome)
    return f"found {seen!r}"[:600]
