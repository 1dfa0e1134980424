"""Words of alarm, haste, anger and ease, by language, and whether a clause denies them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ticketflow.shipped import read_shipped

_PATH = Path(__file__).parent / "alarms.yaml"
_DEFAULT = "en"
_CLAUSE = re.compile(r"[.!?;,:\n]\s|\s[-–—]\s|\b(?:but|and|aber|sondern|und|mais|et|pero|sino|ma|mas|maar|en|ale)\b")
# How far before a word of alarm its clause is read.
_LOOK_BACK = 80
# How many words a denial reaches, and in threats of law.
DENIED_WORDS = (6, 3)
# Lists of what somebody must be helped with at once.
DANGERS = ("danger", "despair", "violence")


@dataclass(frozen=True, slots=True)
class Alarms:
    """What one language says when it matters; English is read in every ticket, as many write some.

    Attributes:
        kinds: A pattern for each list of the file, by its name.
    """

    kinds: Mapping[str, re.Pattern[str]]

    def find(self, kind: str, small: str) -> str | None:
        """Return the first words of a kind that their clause does not deny.

        Args:
            kind: A list of the file.
            small: A text in small letters.
        """
        matches = self.kinds[kind].finditer(small)
        return next((found[0] for found in matches if not self._is_denied(kind, small, found)), None)

    def _is_denied(self, kind: str, small: str, found: re.Match[str]) -> bool:
        """Tell words that are denied, only feared, or part of a trade: "nobody was hurt", "police department"."""
        if kind in {"despair", "ease", "praise", "complaint", "anger", "settled"}:
            return False
        before = _CLAUSE.split(small[max(0, found.start() - _LOOK_BACK) : found.start()])[-1]
        is_feared = kind in {"danger", "theft"} and self.kinds["condition"].search(before)
        after = (
            self.kinds["trade"].match(small, found.end() + 1) if small[found.end() : found.end() + 1] in " -" else None
        )
        # "not back by tomorrow I will dispute the charge" denies no more than the next few words.
        near = " ".join(before.split()[-DENIED_WORDS[kind == "law"] :])
        return bool(self.kinds["denial"].search(near) or is_feared or after)


@cache
def load_alarms(language: str) -> tuple[Alarms, ...]:
    """Return the words of a language, and English ones."""
    read = _load_file()
    return tuple(
        Alarms({kind: re.compile(rf"(?<!\w)(?:{'|'.join(patterns)})(?!\w)") for kind, patterns in read[each].items()})
        for each in dict.fromkeys((language, _DEFAULT))
        if each in read
    )


@cache
def _load_file() -> dict[str, dict[str, Any]]:
    read: dict[str, dict[str, Any]] = read_shipped(_PATH)
    return read


def find_alarm(kind: str, small: str, language: str) -> str | None:
    """Return the words of a kind that a text says in earnest, in its language or in English."""
    found = (alarms.find(kind, small) for alarms in load_alarms(language))
    return next(filter(None, found), None)
