"""Markdown of any dialect as HTML."""

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from mdit_py_plugins.admon import admon_plugin
from mdit_py_plugins.container import container_plugin
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.footnote import footnote_plugin

from ticketflow.markup.blocks import is_internal_name
from ticketflow.markup.dialects import plain_markdown

_DEEPEST = 5
_DIAGRAMS = frozenset({"mermaid", "plantuml", "dot", "graphviz", "math", "dataview", "dataviewjs", "query", "chart"})
_CONTAINER = re.compile(
    r"\s*\{?(?P<name>[\w.-]*)\}?\s*(?:\[(?P<bracket>[^\]\n]*)\])?(?P<title>[^{}]*)(?:\{(?P<more>[^{}]*)\})?"
)
_TITLE = re.compile(r"\b(?:title|label)=[\"']?([^\"'{}]+)")
_TAG = re.compile(r"</?([A-Za-z][\w:.-]*)")
_DIRECTIVE = re.compile(r"\{(?P<name>[\w:-]+)\}\s*(?P<title>.*)|ad-(?P<callout>[\w-]+)")
_STRAY = re.compile(r"\*{2,}+|`{2,}+|~{2,}+|(?<![\w])_{2,}+(?=\w)|(?<=\w)_{2,}+(?!\w)")
_CODE_DIRECTIVES = frozenset(
    {"code", "code-block", "code-cell", "sourcecode", "literalinclude", "prompt", "parsed-literal"}
)
# https://html.spec.whatwg.org/multipage/indices.html#elements-3, and what was one once.
_ELEMENTS = frozenset(
    """
    a abbr acronym address area article aside audio b base bdi bdo big blockquote body br button canvas caption
    center cite code col colgroup data datalist dd del details dfn dialog dir div dl dt em embed fieldset figcaption
    figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe img input ins kbd
    label legend li link main map mark math menu meta meter nav nobr noscript object ol optgroup option output p
    param picture pre progress q rp rt ruby s samp script search section select slot small source span strike strong
    style sub summary sup svg table tbody td template textarea tfoot th thead time title tr track tt u ul var video
    wbr
    """.split()  # noqa: SIM905  # one word a line would be three pages
)


def render_markdown(text: str, left_out: Counter[str], *, is_mdx: bool = False) -> str:
    """Write Markdown as HTML, whatever product it was written for.

    Args:
        text: Without front matter.
        left_out: Counts what was left out.
        is_mdx: Whether it is MDX, where braces hold expressions and nothing is code because it is indented.
    """
    plain = plain_markdown(text, left_out, is_mdx=is_mdx)
    closed = {found[1].lower() for found in re.finditer(r"</([A-Za-z][\w:.-]{0,60})", plain)}
    parser = _parser(is_mdx=is_mdx)
    return str(parser.render(plain, {"left_out": left_out, "closed": closed, "parser": parser}))


class _Renderer(RendererHTML):
    """Writes HTML for ``PageText``: what dialects add is a block with a class, and what is no tag stays words."""

    def container_any_open(self, tokens: Sequence[Token], at: int, *_: Any) -> str:
        """Open a block between colons; its title is said first."""
        found = _CONTAINER.match(tokens[at].info)
        if found is None:
            return "<div>"
        given = _TITLE.search(found["more"] or "")
        return self.open(found["name"], (found["bracket"] or (given[1] if given else "") or found["title"]).strip())

    def admonition_open(self, tokens: Sequence[Token], at: int, *_: Any) -> str:
        """Open a block that is indented below its name."""
        token = tokens[at]
        names = [str(token.meta["tag"]), token.content, *token.info.split('"')[0].split()]
        return '<div class="internal">' if any(map(is_internal_name, names)) else "<div>"

    def open(self, name: str, title: str) -> str:
        """Open a block; its title is said first where it is no mere name of its kind."""
        if is_internal_name(name) or is_internal_name(title):
            return '<div class="internal">'
        return f"<div><p>{_escape(title)}</p>" if title else "<div>"

    def html_inline(self, tokens: Sequence[Token], at: int, _: Any, env: Any) -> str:
        """Keep a tag; what is none, as in `ssh <user>`, stays as words."""
        content = tokens[at].content
        found = _TAG.match(content)
        if not found:
            return "" if content.startswith(("<!", "<?")) else content
        name = found[1].lower()
        is_tag = name in _ELEMENTS or name in env["closed"] or content.endswith("/>") or ":" in name or "=" in content
        return content if is_tag else _escape(content)

    def fence(self, tokens: Sequence[Token], at: int, _: Any, env: Any) -> str:
        """Keep code as code; what is an admonition in a fence is prose."""
        info, content = tokens[at].info.strip(), tokens[at].content
        if info.partition(" ")[0].strip("{}").lower() in _DIAGRAMS:
            env["left_out"]["diagrams"] += 1
            return ""
        found = _DIRECTIVE.match(info)
        if found and (found["name"] or "") not in _CODE_DIRECTIVES and env.get("depth", 0) < _DEEPEST:
            inner = env["parser"].render(content, {**env, "depth": env.get("depth", 0) + 1})
            title = (found["title"] or "").strip()
            return f"{self.open(found['name'] or found['callout'] or '', title)}{inner}</div>"
        return f"<pre><code>{_escape(content)}</code></pre>\n" if content.strip() else ""

    def text(self, tokens: Sequence[Token], at: int, *_: Any) -> str:
        """Keep words; signs of emphasis that did not meet their like say nothing."""
        return _escape(_STRAY.sub("", tokens[at].content))


def _escape(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;")


@cache
def _parser(*, is_mdx: bool) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True}, renderer_cls=_Renderer).enable(["table", "strikethrough"])
    # Whatever stands between tags is Markdown again: the tags themselves are read later, in one go.
    parser.disable(["html_block", *(["code"] if is_mdx else [])])
    parser.use(deflist_plugin).use(footnote_plugin)
    # Given to these two, because they would set rules of their own.
    parser.use(admon_plugin, render=_Renderer.renderToken)
    parser.add_render_rule("admonition_open", _Renderer.admonition_open)
    parser.use(container_plugin, "any", validate=lambda params, _: bool(params.strip()), render=_Renderer.renderToken)
    parser.add_render_rule("container_any_open", _Renderer.container_any_open)
    for name in ("footnote_ref", "footnote_anchor"):
        parser.add_render_rule(name, lambda *_: "")
    return parser
