"""Texts made to be slow: what strangers may send, in shapes that patterns and parsers have choked on."""

import os
import re
import time
from collections.abc import Callable, Iterable
from functools import partial

MEGABYTE = 1_000_000
# `make chaos` takes a megabyte; a tenth tells what is quadratic as well, in a hundredth of the time.
SIZE = int(os.environ.get("HOSTILE_CHARACTERS", "100000"))
IS_FULL = SIZE >= MEGABYTE
LIMIT_S = 1.0  # for a megabyte, of processor time
LEAST_S = 0.25  # a pause of the collector is no text's fault
TRIES = 3
# The limits are for a quiet machine of two cores, where the yardstick takes so long.
YARD_S = 0.05
_YARD = "A word, 12 " * 20_000

# What is repeated, by name. Most are cheap to read and dear to look for the end of.
UNITS = {
    # one character for ever
    "dots": ".",
    "exclamations": "!",
    "digits": "7",
    "zeros": "0",
    "small letters": "a",
    "capitals": "A",
    "accents": "é",
    "spaces": " ",
    "tabs": "\t",
    "newlines": "\n",
    "carriage returns": "\r",
    "no-break spaces": "\u00a0",
    "line separators": "\u2028",
    "hyphens": "-",
    "underscores": "_",
    "pluses": "+",
    "stars": "*",
    "hashes": "#",
    "commas": ",",
    "colons": ":",
    "slashes": "/",
    "backslashes": "\\",
    "percent signs": "%",
    "ampersands": "&",
    "at signs": "@",
    "equals": "=",
    "quotes": '"',
    "apostrophes": "'",
    "curly quotes": "”",
    "backticks": "`",
    "opening brackets": "(",
    "closing brackets": ")",
    "square brackets": "[",
    "closing square brackets": "]",
    "braces": "{",
    "angles": "<",
    "quoted lines": ">",
    "euros": "€",
    "combining marks": "\u0301",
    "zero width": "\u200b",
    "joiners": "\u200d",
    "right to left": "\u202e",
    "hebrew": "א",
    "arabic": "ب",
    "cjk": "漢",
    "cjk stops": "\u3002",
    "full-width digits": "\uff11",
    "arabic digits": "\u0661",
    "emoji": "😀",
    "flags": "🇩🇪",
    "half a pair": "\ud83d",
    "nul": "\x00",
    "replacement": "\ufffd",
    "hangul filler": "\u3164",
    "tag letters": "\U000e0041",
    "dotted i": "İ",
    "ligatures": "ﬁ",
    # two that take turns
    "questions and exclamations": "!?",
    "dots and quotes": '."',
    "ellipses": "…\n",
    "digits and hyphens": "1-2-3-",
    "digits and dots": "1.",
    "digits and commas": "1,",
    "thousands": "1,000",
    "digits and spaces": "1 ",
    "digits and blanks of all kinds": "1\u00a0\t",
    "letters and digits": "a1",
    "capitals and digits": "A1",
    "letters and hyphens": "a-",
    "letters and dots": "a.",
    "letters and underscores": "A_",
    "words": "ab ",
    "two words": "order number ",
    "capital words": "ABC ",
    "pluses and ones": "+1",
    "phone groups": "(12) 34-",
    "phone lists": "+1 555 0100, ",
    "seven digits": "1234567 ",
    "euros and ones": "€1",
    "amounts": "10 EUR ",
    "dates": "2026-01-01 ",
    "short dates": "1/2/3",
    "months": "1 may ",
    "hexadecimal": "0x",
    "hexadecimal digits": "0xdeadbeef",
    "addresses": "a@",
    "more addresses": "a@a.",
    "whole addresses": "ann@example.org,",
    "links": "http://",
    "whole links": "http://a.example/b?c=d&",
    "www": "www.",
    "domains": "a.b.co/",
    "emoji families": "👩\u200d👩\u200d👧",
    "letters with marks": "e\u0301",
    "letters and zero width": "a\u200b",
    "digits and zero width": "4\u200b",
    "card groups": "4111 ",
    "ibans": "DE89 3704 ",
    "base64": "QUJD/+",
    "no": "no. ",
    "abbreviations": "e.g. ",
    "sentences": "It is. ",
    "questions": "Why? ",
    "lists": "\n- a",
    "numbered lists": "\n1. a",
    "signatures": "\n-- \n",
    "quoted mail": "\n> ",
    "nested quotes": "\n>>>> >",
    "blank lines": "\n \n",
    "attributions": "On 1 May 2026 Ann wrote:\n",
    "half attributions": "On 1 May 2026 wrote\n",
    "heads of mails": "From: a@b\nSent: c\n",
    "half heads": "From: a\n",
    "separators": "-----Original Message-----\n",
    "sign-offs": "Kind regards,\nAnn\n",
    "sign-offs in a line": "thanks and regards and ",
    "legal notices": "This e-mail is confidential\n\n",
    "fields of a form": "Name: a\n",
    "turns of a chat": "(10:10) Visitor: a\n(10:11) Bo: b\n",
    "commands": "I run:\n> a\n",
    "encoded words": "=?utf-8?Q?a?= ",
    "half encoded words": "=?utf-8?Q?",
    "escapes of mail": "=C3=A9",
    "soft breaks": "a=\n",
    "line breaks": "<br>",
    "blockquotes": "<blockquote>a<br>",
    "hidden tags": "<p style='display:none'>",
    "struck out": "<s>a",
    "paragraphs": "a\n\n",
    "staff words": "the customer ",
    "leaning words": "it its this ",
    "promises": "we will a b c d refund ",
    "errors": "error code ",
    "error names": "ERR_A_",
    "exceptions": "Aa",
    "http": "HTTP/1.1 status code ",
    "shouting": "AAA, ",
    "not very": "not at all ",
    "broke my": "broke my a ",
    "greetings": "hello ",
    "calls": "call me ",
    "weekdays": "last monday ",
    "amounts of time": "in one day ",
    # markup
    "tags": "<a ",
    "tags in tags": "<a<",
    "open tags": "<a>",
    "paragraph tags": "<p>",
    "closing tags": "</a>",
    "half closing tags": "</",
    "divs": "<div>",
    "table tags": "<table>",
    "formatting tags": "<b><i>",
    "titles": "<title>",
    "scripts": "<script>",
    "half scripts": "<script",
    "svg": "<svg>",
    "comments": "<!--",
    "comment ends": "-->",
    "whole comments": "<!-- -->",
    "half comments": "<!--->",
    "declarations": "<!",
    "marked sections": "<![",
    "odd sections": "<![foo]>",
    "cdata": "<![CDATA[",
    "doctypes": "<!DOCTYPE ",
    "instructions": "<?",
    "attributes": "<a a=1 ",
    "quoted attributes": '<a a="',
    "many attributes": "a=b ",
    "entities": "&#",
    "long entities": "&#1",
    "named entities": "&amp",
    "half entities": "&a",
    "markdown links": "[a](",
    "images": "![",
    "emphasis": "**a*",
    "fences": "```\n",
    "headings": "\n# a",
    "tables": "|-",
    # for readers of structure
    "json lists": "[1,",
    "json objects": '{"a":',
    "yaml": "- - ",
    "yaml aliases": "*a ",
    "escapes": "\\u0000",
    "format fields": "{{a}}",
}
# What only hurts once something stands before it, or never comes after it.
FRAMED = {
    "a script without end": ("<script>", "</scrip", ""),
    "a tag without end": ("<a ", "b='c' ", ""),
    "a comment without end": ("<!--", "- -", ""),
    "an entity without end": ("&#", "1", ""),
    "digits that end badly": ("", "1", "x"),
    "spaces that end badly": ("a", " ", "b"),
    "a word of spaces": ("", " ", "."),
    "an address without end": ("a@", "a.", "!"),
    "an address of hyphens": ("a@", "a-", "!"),
    "a code without end": ("ERR", "A_", "-"),
    "hexadecimal that ends badly": ("0x", "f", "g"),
    "front matter": ("---\n", "a: &a [*a]\n", ""),
    "quotes before a gap": ("x.", '"', "y"),
    "a link without end": ("http://", "a)", ""),
    "a number without end": ("error ", "1.", "x"),
    "an amount without end": ("€", "1,234", "x"),
    "a plus and digits": ("+", "1 ", "x"),
}
SHAPES = {**{name: ("", unit, "") for name, unit in UNITS.items()}, **FRAMED}


def build_text(shape: str, size: int = MEGABYTE) -> str:
    """Build a text of a shape, of exactly that many characters."""
    before, unit, after = SHAPES[shape]
    return f"{before}{unit * (size // len(unit) + 1)}"[: size - len(after)] + after


def find_slow(
    read: Callable[[str], object],
    shapes: Iterable[str] = tuple(SHAPES),
    size: int = SIZE,
    limit_s: float | None = None,
) -> dict[str, float]:
    """Return the shapes that take too long, with the seconds of the first size that did.

    Args:
        limit_s: What a text of the whole size may take; as much as it has of a megabyte's second if left out.
    """
    read(build_text("words", 100))  # loads what is loaded once
    limit_s = limit_s or LIMIT_S * size / MEGABYTE
    found = {shape: find_overrun(read, partial(build_text, shape), size, limit_s) for shape in shapes}
    return {shape: seconds for shape, seconds in found.items() if seconds}


def measure_slowness() -> float:
    """Return how many times longer than on a quiet machine things take here and now; 1 for whatever is faster.

    Processor time grows too where others use the same core's caches or its other half.
    """
    began_s = time.thread_time()
    assert len({found[0] for found in re.finditer(r"\w+", _YARD)}) < sum(letter == "1" for letter in _YARD)
    return max(1.0, (time.thread_time() - began_s) / YARD_S)


def find_overrun(read: Callable[[str], object], build: Callable[[int], str], size: int, limit_s: float) -> float:
    """Return the seconds a text takes that takes too long, and 0 for any other.

    Small ones come first: what is quadratic would hold the tests up for hours at full size. One that took too long
    is read again: what else the machine did meanwhile is not the text's fault.
    """
    for each in (size // 100, size // 10, size):
        text = build(each)
        limit = max(limit_s * each / size, LEAST_S)
        for _ in range(TRIES):
            seconds = _time(read, text)
            if seconds <= limit or seconds <= limit * measure_slowness():
                break
        else:
            return round(seconds, 2)
    return 0.0


def _time(read: Callable[[str], object], text: str) -> float:
    """Return the seconds of processor time that reading takes."""
    began_s = time.thread_time()
    read(text)
    return time.thread_time() - began_s
