"""What a model's words are held to, whatever it was talked into."""

import base64
import binascii
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from ticketflow.engines.llm.failures import LeakError
from ticketflow.engines.llm.prompt_files import Rendered, Seal
from ticketflow.errors import BadModelOutputError
from ticketflow.workflow.steps.leads import find_strange_leads

# Eight words in a row of a prompt are no coincidence; shorter runs are ordinary English.
LEAK_WORDS = 8
_WORD = re.compile(r"\w+")
_ENCODED = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_NOT_WORD = re.compile(r"[\W_]+")
# What ``find_leads`` does not know for an address: any other scheme (RFC 3986 §3.1), and one that something is left of.
_SCHEME = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}:(?://)?[^\s<>\"'”»)\]]+|\bh[tx]{2}ps?\b(?!:)", re.IGNORECASE)
_MARKUP = re.compile(
    r"<\s*/?\s*[a-z!]|\]\s*\(|!\[|&#?\w+;|\[\s*\.\s*\]|\(\s*(?:dot|punkt|point|punto)\s*\)", re.IGNORECASE
)
_STOPS = ".,;:!?"
_NUMBER = re.compile(r"\d[\d.,:/ -]*\d|\d")
_INVISIBLE = {"Cc", "Cf", "Co", "Cn", "Cs"}  # Unicode general categories, UAX #44 §5.7.1


def tidy(text: str) -> str:
    """Make look-alikes alike (NFKC) and drop what cannot be seen, save line breaks."""
    normal = unicodedata.normalize("NFKC", text)
    return "".join(each for each in normal if each == "\n" or unicodedata.category(each) not in _INVISIBLE)


def find_verbatim(tidied: str, text: str) -> str | None:
    """Find in a text what reads like some tidied words: a quote must be verbatim, blanks that do not break included."""
    if tidied in text:
        return tidied
    shapes = [tidy(each) for each in text]
    start = "".join(shapes).find(tidied)
    if start < 0:
        return None
    ends = list(accumulate(map(len, shapes)))
    return text[bisect_right(ends, start) : bisect_left(ends, start + len(tidied)) + 1]


def tidy_all(content: Any) -> Any:
    """Tidy every string of an answer, at any depth."""
    if isinstance(content, str):
        return tidy(content)
    if isinstance(content, dict):
        return {key: tidy_all(value) for key, value in content.items()}
    return [tidy_all(each) for each in content] if isinstance(content, list) else content


def refuse_leaks(content: Any, rendered: Rendered, seal: Seal) -> None:
    """Check that an answer repeats nothing of our own words.

    Raises:
        LeakError: It holds the canary, however written, or eight words of the prompt in a row.
        BadModelOutputError: It holds a boundary, which weak models copy by accident and nobody can use any more.
    """
    text = "\n".join(list_strings(content))
    if any(_holds(each, seal.canary) for each in (text, *_decoded(text))):
        raise LeakError("the answer repeats a mark that must stay in the prompt")
    if _holds(text, seal.boundary):
        raise BadModelOutputError("the answer repeats the marks around the data")
    if _runs(rendered.system) & _runs(text):
        raise LeakError("the answer repeats the prompt")


def list_strings(content: Any) -> Iterator[str]:
    """Yield every string of an answer, at any depth."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        for value in content.values():
            yield from list_strings(value)
    elif isinstance(content, list):
        for each in content:
            yield from list_strings(each)


def find_strange_links(text: str, allowed: str) -> list[str]:
    """List what reads as a link in a text, or hides one, and is not in the allowed text as a whole."""
    known = {found[0].rstrip(_STOPS).lower() for found in _SCHEME.finditer(allowed)}
    schemes = [found[0].rstrip(_STOPS) for found in _SCHEME.finditer(text)]
    others = [each for each in schemes if each.lower() not in known and "://" not in each]
    return [*find_strange_leads(text, allowed), *others, *(found[0] for found in _MARKUP.finditer(text))]


def find_strange_numbers(text: str, allowed: str) -> list[str]:
    """List numbers in a text that are not in the allowed text; how their digits are grouped does not matter."""
    known = {_digits(found[0]) for found in _NUMBER.finditer(allowed)} | set(re.findall(r"\d+", allowed))
    return [found[0] for found in _NUMBER.finditer(text) if _digits(found[0]) not in known]


def _holds(text: str, secret: str) -> bool:
    """Tell whether a text holds a secret, forwards or backwards, whatever stands between its letters."""
    compact, searched = _NOT_WORD.sub("", text.lower()), _NOT_WORD.sub("", secret)
    return searched in compact or searched[::-1] in compact


def _decoded(text: str) -> Iterator[str]:
    """Yield what long runs of letters and digits say when read as base64 or hexadecimal."""
    for found in _ENCODED.finditer(text):
        raw = found[0].rstrip("=").replace("-", "+").replace("_", "/")
        for decode, written in ((base64.b64decode, raw + "=" * (-len(raw) % 4)), (bytes.fromhex, raw)):
            try:
                yield decode(written).decode("latin-1")
            except (binascii.Error, ValueError):
                continue


def _runs(text: str) -> set[tuple[str, ...]]:
    words = _WORD.findall(text.lower())
    return {tuple(words[start : start + LEAK_WORDS]) for start in range(len(words) - LEAK_WORDS + 1)}


def _digits(number: str) -> str:
    return re.sub(r"\D", "", number)
