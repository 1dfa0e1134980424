"""Where code stands in Markdown: nothing in it means anything."""

import re
from collections.abc import Iterator

# What opens or closes a block of code, in a list or a quote too.
FENCE = re.compile(r"[ \t>]{0,40}(?:[-*+] |\d{1,3}[.)] )?[ \t]{0,40}(?P<mark>`{3,40}|~{3,40})(?P<rest>[^\n]*)")
# Before other patterns: code between backticks, which they skip.
INLINE_CODE = r"(?P<code>``[^\n]{1,500}?``|`[^`\n]{1,500}`)|"


def split_fences(text: str) -> Iterator[tuple[bool, str]]:
    """Tell fenced code from prose, in turns."""
    lines: list[str] = []
    mark = ""
    for line in text.split("\n"):
        found = FENCE.match(line)
        if not mark and found and "`" not in found["rest"]:
            if lines:
                yield False, "\n".join(lines)
            mark, lines = found["mark"], [line]
        elif mark and found and found["mark"].startswith(mark) and not found["rest"].strip():
            yield True, "\n".join([*lines, line])
            mark, lines = "", []
        else:
            lines.append(line)
    if lines:
        yield bool(mark), "\n".join(lines)
