"""What Markdown is mixed with: signs, templates and components of one product each.

Everything here reads a text once from left to right, leaves code alone, and makes plain Markdown and HTML of the rest.
"""

import re
from collections import Counter

from ticketflow.markup.blocks import HOLE, is_internal_name
from ticketflow.markup.comments import ALERT, drop_comments
from ticketflow.markup.components import read_components
from ticketflow.markup.fences import INLINE_CODE, split_fences

_ATTRIBUTES = re.compile(
    INLINE_CODE + r"[ \t]{0,9}(?<=[\s)\]\w*`])\{:?\s{0,3}(?:[#.][\w-]|(?:[\w-]{1,30}=[\"'\w.%-]))[^{}\n]{0,200}\}"
    r"|^\{:[^{}\n]{0,200}\}[ \t]*$",
    re.MULTILINE,
)
_IMPORT = re.compile(
    r"^(?:import\s+(?:[\w*{][^;'\"]{0,1000}?\sfrom\s+)?['\"][\w@~./-][^'\"\s]{0,300}['\"];?[ \t]*"
    r"|export\s+(?:const|let|var|default|function|class)\b[^\n]{0,2000}(?:\n(?!\s*\n)[^\n]{0,2000}){0,200})$",
    re.MULTILINE,
)
_CONTENTS = re.compile(
    r"^[ \t]{0,3}(?:\[TOC\]|\[\[_?TOC_?\]\]|@\[toc\][^\n]{0,99}|\{\{\s?toc\s?\}\})[ \t]*$", re.MULTILINE | re.IGNORECASE
)
_INCLUDED = re.compile(
    r"^[ \t]{0,40}(?:-{1,4}8<-{1,4}|;?--8<--|<<<\s?[@./~]|@include\b|!INCLUDE\b|::include\b)[^\n]*$", re.MULTILINE
)
_TAB = re.compile(r"^([ \t]{0,40})={3}[!+]?[ \t]{1,3}(\"[^\n]*\")[ \t]*$", re.MULTILINE)
_LEAF = re.compile(r"^[ \t]{0,9}::[\w-]{1,40}(?:\[[^\]\n]{0,200}\])?\{[^{}\n]{0,300}\}[ \t]*$", re.MULTILINE)
_EMBED = re.compile(r"!\[\[[^\[\]\n]{1,300}\]\]")
_WIKI = re.compile(INLINE_CODE + r"\[\[(?P<page>[^\[\]|\n]{1,200})(?:\\?\|(?P<words>[^\[\]\n]{1,200}))?\]\]")
_MARKED = re.compile(INLINE_CODE + r"==(?P<words>[^\s=][^=\n]{0,300}?)==")
_KEYS = re.compile(INLINE_CODE + r"\+\+(?P<keys>[\w\"-]{1,30}(?:\+[\w\"-]{1,30}){0,5})\+\+")
_ICONS = re.compile(INLINE_CODE + r"(?<![\w:]):(?:[a-z]+-)?[a-z][a-z0-9_+-]{1,60}:(?:\{[^{}\n]{0,99}\})?(?![\w:])")
_ANCHOR = re.compile(r"[ \t]\^[\w-]{1,40}[ \t]*$", re.MULTILINE)
_TAGS = re.compile(r"^[ \t]{0,3}(?:#[^\W\d][\w/-]{0,60}[ \t]{0,3}){1,30}$", re.MULTILINE)
_EXPRESSION = re.compile(INLINE_CODE + r"\{[\w.$\[\]'\" ()?:]{0,200}\}")
_TARGET = re.compile(r"\]\((?P<to>[^()\n]{0,300}\{[{%][^()\n]{0,300})\)")
# Of Hugo and Zola, and the tags of Liquid, GitBook and Markdoc.
_SHORTCODE = re.compile(
    INLINE_CODE + r"(?P<open>\{\{[<%]|\{%-?)\s{0,9}(?P<end>/?)\s{0,9}(?P<name>[\w./@-]{1,60})?(?P<rest>[^{}]{0,1000}?)"
    r"/?\s{0,9}(?:[>%]\}\}|-?%\})"
)
_TITLE = re.compile(r"\b(?:title|label|summary|heading|name|caption)\s?=\s?(?:\"([^\"\n]{1,200})\"|'([^'\n]{1,200})')")
_INTERNAL = re.compile(r"\b(?:style|type|class|kind)\s?=\s?[\"']?internal\b")
_INCLUDES = re.compile(
    r"include|import|readfile|snippet|partial|embed|content-ref|transclude|reuse|file", re.IGNORECASE
)
_PICTURES = re.compile(
    r"figure|image|img|icon|picture|gallery|video|youtube|vimeo|gist|tweet|toc|br|clear|hr|button|card|ref|relref",
    re.IGNORECASE,
)


def plain_markdown(text: str, left_out: Counter[str], *, is_mdx: bool) -> str:
    """Write a text in the Markdown that everybody reads.

    Args:
        text: Without front matter.
        left_out: Counts what was left out.
        is_mdx: Whether braces hold expressions.
    """
    parts = []
    for is_code, part in split_fences(drop_comments(text, left_out)):
        if is_code:
            parts.append(part)
            continue
        prose = _read_shortcodes(_TARGET.sub("]()", part), left_out)
        for pattern, name in ((_INCLUDED, "included texts"), (_EMBED, "embedded pages and images")):
            prose, count = pattern.subn("", prose)
            left_out[name] += count
        for pattern in (_IMPORT, _CONTENTS, _LEAF, _ANCHOR, _TAGS):
            prose = pattern.sub("", prose)
        for pattern in (_ATTRIBUTES, _ICONS):
            prose = pattern.sub(lambda found: found["code"] or "", prose)
        prose = _TAB.sub(r"\1!!! tab \2", prose)
        prose = _WIKI.sub(lambda found: found["code"] or found["words"] or found["page"].partition("#")[0], prose)
        prose = _MARKED.sub(lambda found: found["code"] or found["words"], prose)
        prose = _KEYS.sub(lambda found: found["code"] or found["keys"].replace('"', "").title(), prose)
        prose = ALERT.sub(r"\g<bar>\g<title>", read_components(prose, left_out))
        parts.append(_EXPRESSION.sub(lambda found: found["code"] or HOLE, prose) if is_mdx else prose)
    return "\n".join(parts)


def _read_shortcodes(text: str, left_out: Counter[str]) -> str:
    """Take the shortcodes of Hugo and Zola and the tags of Liquid, GitBook and Markdoc out of a text."""
    closed = {found[1] for found in re.finditer(r"[<%]-?\s{0,9}(?:/|end)\s{0,9}([\w.-]{1,60})", text)}

    internal: list[str] = []

    def read(found: re.Match[str]) -> str:
        if found["code"]:
            return str(found["code"])
        is_end = bool(found["end"]) or (found["name"] or "").startswith("end")
        name = (found["name"] or "").removeprefix("end")
        if is_end and name in internal[-1:]:
            internal.pop()
            return "\n\n</div>\n\n"
        if not is_end and (is_internal_name(name) or _INTERNAL.search(found["rest"])):
            internal.append(name)
            return '\n\n<div class="internal">\n\n'
        if is_end or name in closed or not name:
            title = _TITLE.search(found["rest"])
            return f"\n\n**{title[1] or title[2]}**\n\n" if title and not is_end else ""
        begins = not text[text.rfind("\n", 0, found.start()) + 1 : found.start()].strip(" \t>-*+0123456789.")
        if _PICTURES.fullmatch(name) or begins:
            left_out["included texts" if _INCLUDES.search(name) else "shortcodes"] += 1
            return ""
        return HOLE

    return _SHORTCODE.sub(read, text)
