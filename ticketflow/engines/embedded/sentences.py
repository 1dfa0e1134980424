"""Sentences of a text as verbatim spans."""

import re

Span = tuple[int, int]

# A sentence ends at a blank line or list item, or at closing punctuation before anything but a
# small letter. CJK full stops need no space after them. Punctuation is looked at once, from where it begins: from
# each of 100,000 dots on, to find that no blank follows took minutes.
_BREAK = re.compile(
    r"""(?<![.!?…؟])(?P<stop>[.!?…؟]++["'”’»)\]]*+)\s+(?![a-zà-ÿ])"""
    r"""|(?P<cjk>[\u3002\uff01\uff1f]++[」』”]*+)\s*+"""
    r"""|\n[^\S\n]*(?:\n\s*+|(?=(?:[-*•]|\d{1,2}[.)])\s|[^\sa-zà-ÿ]))""",
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:e\.g|i\.e|mr|mrs|ms|dr|prof|no|nr|approx|vs|inc|ltd|z\.b|bzw|ca|tel|sr|sra|m|mme|\d{1,2}|[a-z])\.$",
    re.IGNORECASE,
)


def find_sentences(text: str) -> list[Span]:
    """List the sentences of a text as (start, end), in order, without surrounding blanks."""
    spans: list[Span] = []
    start = 0
    for found in _BREAK.finditer(text):
        stop = found.end("stop") if found["stop"] else found.end("cjk") if found["cjk"] else found.start()
        if found["stop"] == "." and _ABBREVIATION.search(text[max(start, stop - 12) : stop]):
            continue
        spans.append((start, stop))
        start = found.end()
    spans.append((start, len(text)))
    written = ((start, text[start:end].rstrip()) for start, end in spans)
    return [(start + len(each) - len(each.lstrip()), start + len(each)) for start, each in written if each]


def split_sentences(text: str) -> list[str]:
    """List the sentences of a text, each a verbatim substring."""
    return [text[start:end] for start, end in find_sentences(text)]
