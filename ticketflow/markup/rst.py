"""reStructuredText as HTML, without reading any file or running anything."""

import re
from typing import Any

from docutils import nodes
from docutils.core import publish_parts
from docutils.parsers.rst import Directive, directives

from ticketflow.errors import InvalidInputError

# docutils looks at each part of a word for an address that begins there, in time that grows with the square.
_ENDLESS = re.compile(r"(?<!\S)\S{401}")
_ROLE = re.compile(r":[\w:+.-]{1,60}:`(?:~|!)?([^`<>\n]{1,300}?)(?:\s*<[^`<>\n]{1,300}>)?`")
# Directives of Sphinx and its extensions whose content is prose. Others than these and docutils' own are left out.
_PROSE = """
    seealso versionadded versionchanged deprecated tab tabs tab-set tab-item group-tab dropdown card grid grid-item
    grid-item-card details collapse rst-class glossary hlist centered rubric
    """
_SILENT = "toctree only ifconfig index include literalinclude raw todo todo-list meta tags image figure video youtube"
_CODE = "code-block sourcecode prompt console highlight"


class Prose(Directive):  # type: ignore[misc]  # docutils ships no types
    """A directive whose content is prose, and whose argument may be its title."""

    optional_arguments, final_argument_whitespace, has_content = 1, True, True
    option_spec = None

    def run(self) -> list[nodes.Node]:
        """Read the content."""
        block = nodes.container()
        if self.arguments and self.name not in {"rst-class", "versionadded", "versionchanged", "deprecated"}:
            block += nodes.paragraph("", self.arguments[0])
        self.state.nested_parse(self.content, self.content_offset, block)
        return [block]


class Silent(Prose):
    """A directive that says nothing a customer could read."""

    def run(self) -> list[nodes.Node]:
        """Leave it out."""
        return []


class Code(Prose):
    """A directive whose content is code."""

    def run(self) -> list[nodes.Node]:
        """Keep it as it stands."""
        code = "\n".join(self.content)
        return [nodes.literal_block(code, code)]


for _names, _directive in ((_PROSE, Prose), (_SILENT, Silent), (_CODE, Code)):
    for _name in _names.split():
        directives.register_directive(_name, _directive)


def render_rst(text: str) -> str:
    """Write reStructuredText as HTML; what its directives would bring in from elsewhere is left out.

    Raises:
        InvalidInputError: It has a word without end, over which docutils would sit for hours.
    """
    if _ENDLESS.search(text):
        raise InvalidInputError("a word of more than 400 characters; cut it, or write the page in Markdown")
    parts: dict[str, Any] = publish_parts(
        _ROLE.sub(r"\1", text),
        writer="html5",
        settings_overrides={
            "_disable_config": True,
            "doctitle_xform": False,
            "file_insertion_enabled": False,
            "raw_enabled": False,
            "report_level": 5,
            "halt_level": 5,
            "syntax_highlight": "none",
            "math_output": "LaTeX",
            "embed_stylesheet": False,
            "stylesheet_path": "",
        },
    )
    return str(parts["body"])
