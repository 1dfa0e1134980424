"""The phrases by which mail is read: lists by language in ``languages/``, each file with its sources."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from ticketflow.shipped import read_shipped

# A quotation mark, a blank or an apostrophe is written in many ways, and means the same.
_ALIKE = dict(zip(map(ord, "\u2019\u2018\u00b4`\u00a0\u202f\u201c\u201d\uff1a\u0130"), "''''  \"\":i", strict=True))


def plain(text: str) -> str:
    """Fold case and look-alike signs, as lists are compared with mail; no character moves."""
    return text.translate(_ALIKE).lower()


@cache
def _load() -> tuple[dict[str, Any], ...]:
    return tuple(read_shipped(each) for each in sorted((Path(__file__).parent / "languages").glob("*.yaml")))


@cache
def phrases(name: str) -> frozenset[str]:
    """Return a list of all languages together, folded; a dot in the name leads into a table, as in ``headers.from``."""
    found: set[str] = set()
    for language in _load():
        values: Any = language
        for key in name.split("."):
            values = values.get(key, {})
        found.update(plain(each) for each in values)
    return frozenset(found)


@cache
def pattern(name: str, before: str = "", after: str = "") -> re.Pattern[str]:
    """Compile a pattern of a list, the longest first, for text that went through ``plain``."""
    ordered = sorted(phrases(name), key=lambda each: (-len(each), each))
    return re.compile(f"{before}(?:{'|'.join(map(re.escape, ordered))}){after}")


def starting(name: str) -> re.Pattern[str]:
    """Compile a pattern of what a line begins with."""
    return pattern(name, "", r"(?!\w)")


def containing(name: str) -> re.Pattern[str]:
    """Compile a pattern of what stands anywhere in a text, from the beginning of a word."""
    return pattern(name, r"(?<!\w)")
