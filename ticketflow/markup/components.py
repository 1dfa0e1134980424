"""Components of MDX, Astro and Vue in a text: their words stay, with what their titles say."""

import re
from collections import Counter

# Longer than any tag that somebody wrote by hand.
_LONGEST = 5_000
_START = re.compile(r"``[^\n]{1,500}?``|`[^`\n]{1,500}`|<(?P<end>/?)(?P<name>[A-Za-z][\w.-]{0,60})(?=[\s/>])")
_NAMED = re.compile(
    r"\b(?:title|label|summary|heading|header|question)=(?:\{?\"([^\"{}\n]{1,300})\"\}?|\{?'([^'{}\n]{1,300})'\}?)"
)
_MEDIA = re.compile(
    r"video|youtube|vimeo|loom|image|img|figure|icon|embed|iframe|player|badge|seo|head|button|linkcard", re.IGNORECASE
)
# Blocks that stand alone on their lines although HTML knows them; Markdown goes on within.
_OWN_LINES = frozenset({"details", "summary", "div", "section", "aside", "center", "figure"})


def read_components(text: str, left_out: Counter[str]) -> str:
    """Make HTML that any reader understands of the tags of components.

    Args:
        text: Markdown without fenced code.
        left_out: Counts what only the site can show.
    """
    parts: list[str] = []
    at = 0
    for found in _START.finditer(text):
        name = found["name"]
        if not name or found.start() < at:
            continue
        is_component = name[0].isupper() or "." in name
        end = _find_end(text, found.end())
        if end < 0 or not (is_component or "={" in text[found.end() : end] or name in _OWN_LINES):
            continue
        parts.append(text[at : found.start()])
        parts.append(_write(found, text[found.end() : end], left_out, is_component=is_component))
        at = end
        # What stands indented between tags is prose, not code.
    parts.append(text[at:])
    return "".join(parts)


def _find_end(text: str, at: int) -> int:
    """Return where a tag ends, past expressions in braces and strings; -1 if it does not."""
    depth = 0
    quote = ""
    for place in range(at, min(at + _LONGEST, len(text))):
        sign = text[place]
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'" and (depth or text[place - 1] == "="):
            quote = sign
        elif sign == "{":
            depth += 1
        elif sign == "}":
            depth -= 1
        elif sign == ">" and depth <= 0 and text[place - 1] != "=":
            return place + 1
        elif sign == "<" and depth <= 0:
            return -1
    return -1


def _write(found: re.Match[str], rest: str, left_out: Counter[str], *, is_component: bool) -> str:
    name = found["name"].lower()
    around = "\n\n" if name in _OWN_LINES and not is_component else ""
    if found["end"]:
        return f"{around}</{name}>{around}"
    title = _NAMED.search(rest)
    words = f"\n\n**{title[1] or title[2]}**\n\n" if title and is_component and not _MEDIA.search(name) else ""
    if rest.rstrip(" >").endswith("/"):
        left_out["components"] += is_component
        return words if is_component else "<br>" if name == "br" else ""
    kept = " ".join(re.findall(r"\b(?:class|style|hidden|data-internal)(?:=\"[^\"\n]{0,200}\")?(?=[\s>/])", rest))
    return f"{around}<{name} {kept}>{around}{words}" if kept else f"{around}<{name}>{around}{words}"
