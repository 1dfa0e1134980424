"""Try an operator's pattern on texts made to be slow, before it meets a customer's."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from ticketflow.engines.embedded.facts.expected import LIMIT_S, compile_pattern

SIZE = 20_000  # what the extractor reads of a text
_UNITS = (*" \n\t-_.,/#01aA", "1-", "A-", "a1", "A1-", "1.", "1 ", "a ", "é")
_PARSE: Any = re._parser.parse  # type: ignore[attr-defined]  # noqa: SLF001  # the standard library's own parser
SHOWN = 30


_CATEGORIES = {"CATEGORY_DIGIT": "1", "CATEGORY_SPACE": " ", "CATEGORY_WORD": "a"}


def find_slow_text(pattern: str, examples: Sequence[str] = ()) -> str | None:
    """Return what begins a text on which a pattern runs into its limit; ``None`` when it stands the trial.

    Args:
        pattern: Compiles; see ``expected.compile_pattern``.
        examples: Ids as customers write them.
    """
    compiled = compile_pattern(pattern)
    # Whatever a search looks for first stands at the end, out of reach.
    ends = ("", "!", f"!{_sample(_PARSE(pattern))}")
    for before, unit in dict.fromkeys(_list_shapes(pattern, examples)):
        for end in ends:
            try:
                compiled.findall(f"{before}{unit * (SIZE // len(unit))}{end}", timeout=LIMIT_S)
            except TimeoutError:
                return f"{before}{unit * SHOWN}"[:SHOWN] + "…"
    return None


def _list_shapes(pattern: str, examples: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Name what comes first and what is repeated: characters, examples cut anywhere, and what the pattern repeats."""
    yield from (("", unit) for unit in _UNITS)
    for example in examples[:5]:
        yield "", example
        yield "", f"{example} "
        yield from ((example[:place], example[place - 1]) for place in range(1, len(example) + 1))
    for before, unit in _list_repeats(_PARSE(pattern)):
        yield before, unit
        yield "", before + unit


def _list_repeats(parsed: Any) -> Iterator[tuple[str, str]]:
    """Walk a parsed pattern: for each repeat, a sample of all before it and one of what it repeats."""
    before = ""
    for operation, argument in parsed:
        below = _list_below(str(operation), argument)
        if str(operation).endswith("REPEAT"):
            yield from ((before, unit) for unit in [_sample(argument[2])] if unit)
        for each in below:
            yield from ((before + inner, unit) for inner, unit in _list_repeats(each))
        before += _sample([(operation, argument)])


def _list_below(operation: str, argument: Any) -> list[Any]:
    """Return the patterns inside a part of one."""
    if operation == "BRANCH":
        return list(argument[1])
    if operation in {"SUBPATTERN", "ASSERT", "ASSERT_NOT"}:
        return [argument[-1]]
    if operation.endswith("REPEAT"):
        return [argument[2]]
    return [argument] if operation == "ATOMIC_GROUP" else []


def _sample(parsed: Any) -> str:
    """Write a text that part of a pattern matches, about."""
    return "".join(_sample_part(str(operation), argument) for operation, argument in parsed)


def _sample_part(operation: str, argument: Any) -> str:
    if operation in {"LITERAL", "RANGE"}:
        return chr(argument if operation == "LITERAL" else argument[0])
    if operation == "IN":  # sets of all but some are of digits, letters and signs in turn
        return next((found for each in argument if (found := _sample([each]))), "!")
    if operation == "CATEGORY":
        return _CATEGORIES.get(str(argument), "")
    if operation in {"ANY", "NOT_LITERAL"}:
        return "a"
    if operation in {"ASSERT", "ASSERT_NOT", "NEGATE"}:
        return ""
    times = max(argument[0], 1) if operation.endswith("REPEAT") else 1
    return "".join(map(_sample, _list_below(operation, argument)[:1])) * times
