"""How currencies are written, from the file that ships."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_PATH = Path(__file__).parent / "currencies.yaml"


@dataclass(frozen=True, slots=True)
class Forms:
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
def load_forms() -> Forms:
    """Read the forms that ship."""
    written: dict[str, Any] = yaml.safe_load(_PATH.read_text(encoding="utf-8"))
    listed = [written[name] for name in ("signs", "letters", "unsure", "words", "suffixes")]
    codes = {form.lower(): tuple(each) for forms in listed for form, each in forms.items()}
    named = {code.lower() for code in (*written["codes"], *written["codes_after"])}
    first = [*written["signs"], *written["letters"], *written["unsure"], *written["codes"]]
    return Forms(
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
