"""What a user hands in: JSON objects, one or many, and text; read whole, judged one by one."""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ticketflow.errors import InvalidInputError

_JSON_START = re.compile(r"\s*(\{|\[\s*[{\]])")
_LINES = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class Entry:
    """One object of the input.

    Attributes:
        place: Where it stands, for messages: ``line 3`` of JSON lines, ``entry 3`` of an array.
        content: The object, or ``None`` when there is none.
        problem: Why there is none.
    """

    place: str
    content: dict[str, Any] | None
    problem: str | None = None


def read_input(source: str) -> str:
    """Read a file, or standard input for ``-``.

    Raises:
        InvalidInputError: It is empty, or not UTF-8 text.
    """
    raw = read_raw(source)
    text = decode(raw, name_input(source))
    if not text.strip():
        raise InvalidInputError(f"{name_input(source)} is empty")
    return text


def read_raw(source: str) -> bytes:
    """Read a file, or standard input for ``-``, as it is.

    Raises:
        InvalidInputError: Nobody pipes anything in.
    """
    if source != "-":
        return Path(source).read_bytes()
    if sys.stdin.isatty():
        raise InvalidInputError("name a FILE, or pipe something in")
    return sys.stdin.buffer.read()


def decode(raw: bytes, name: str) -> str:
    """Decode UTF-8 text, with or without a byte order mark.

    Raises:
        InvalidInputError: It is something else.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{name} is not UTF-8 text (byte {error.start})") from None
    if "\0" in text:
        raise InvalidInputError(f"{name} is not text: it has a zero byte")
    return text


def is_json(name: str, text: str) -> bool:
    """Tell JSON from plain text, by the file's name where it says so, else by how the text begins."""
    suffix = Path(name).suffix.lower()
    if suffix in (".json", *_LINES):
        return True
    return suffix not in (".txt", ".md") and _JSON_START.match(text) is not None


def read_entries(name: str, text: str) -> list[Entry]:
    """Read one JSON object, an array of objects, or an object on each line.

    Raises:
        InvalidInputError: It is none of these.
    """
    if Path(name).suffix.lower() in _LINES:
        return _read_lines(text)
    try:
        content = _load(text)
    except json.JSONDecodeError as error:
        first, _, rest = text.strip().partition("\n")
        if rest and _parse("", first).content is not None:
            return _read_lines(text)
        raise InvalidInputError(f"{name_input(name)} is not JSON: {error}") from None
    if isinstance(content, list):
        return [_check(f"entry {number}", each) for number, each in enumerate(content, start=1)]
    return [_check("entry 1", content)]


def _read_lines(text: str) -> list[Entry]:
    # Only these end a line: str.splitlines() would also cut at U+2028, which JSON allows in strings.
    lines = enumerate(re.split(r"\r?\n", text), start=1)
    return [_parse(f"line {number}", line) for number, line in lines if line.strip()]


def _parse(place: str, line: str) -> Entry:
    try:
        return _check(place, _load(line))
    except json.JSONDecodeError as error:
        return Entry(place, None, f"not JSON: {error.msg} at column {error.colno}")


def _load(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=lambda name: _refuse_constant(name, text))
    except json.JSONDecodeError:
        raise
    except (RecursionError, ValueError) as error:  # ValueError: an integer of thousands of digits
        reason = "nested too deeply" if isinstance(error, RecursionError) else "a number too long to be one"
        raise json.JSONDecodeError(reason, text, 0) from None


def _refuse_constant(name: str, text: str) -> NoReturn:
    raise json.JSONDecodeError(f"{name} is no JSON number", text, text.find(name))


def _check(place: str, content: object) -> Entry:
    if isinstance(content, dict):
        return Entry(place, content)
    return Entry(place, None, "not a JSON object")


def name_input(name: str) -> str:
    """Say what an input is called, for messages."""
    return "standard input" if name == "-" else name
