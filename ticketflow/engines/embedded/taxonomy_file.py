"""Read a taxonomy from YAML, with errors that name the line and the remedy."""

import math
import re
from pathlib import Path

import yaml

from ticketflow.engines.embedded.facts.pattern_trial import find_slow_text
from ticketflow.engines.embedded.taxonomy import Category, IdHint, Product, Sla, Taxonomy
from ticketflow.engines.embedded.yaml_file import YamlReader, parse_yaml, read_text
from ticketflow.workflow.state import PRIORITIES, Priority

DEFAULT_TAXONOMY_PATH = Path(__file__).parent / "taxonomy.yaml"

TOP_KEYS = frozenset({"categories", "fallback", "ids", "products"})
CATEGORY_KEYS = frozenset({"name", "description", "team", "examples", "sla", "priority"})
SLA_KEYS = frozenset({"first_response_h", "resolution_h"})
ID_KEYS = frozenset({"type", "examples", "pattern"})
PRODUCT_KEYS = frozenset({"name", "aliases"})
DEFAULT_FALLBACK = "other"
# A century; what is due later than any calendar goes could not be written down.
MAX_HOURS = 100 * 366 * 24
# Ids are short; what takes more to describe is no id.
MAX_PATTERN_LENGTH = 200
_TYPE = re.compile(r"[a-z][a-z0-9_]{0,39}")
# A repeated group that itself repeats, (a+)+, can take for ever on a text that does not match.
_NESTED_REPEAT = re.compile(r"\((?:[^()\\]|\\.)*(?:[+*]|\{\d*,\d*\})(?:[^()\\]|\\.)*\)(?:[+*]|\{)")


def load_taxonomy(path: Path | None = None, *, is_tried: bool = False) -> Taxonomy:
    """Read a taxonomy file; ``None`` reads the one shipped with this package.

    Args:
        path: The file.
        is_tried: Whether to refuse patterns that take too long on texts made to be slow. Workers go without: theirs
            run with a limit, and a taxonomy that was good enough yesterday must not stop them.

    Raises:
        ConfigurationError: The file is missing or wrong; the message names line and remedy.
    """
    source = path or DEFAULT_TAXONOMY_PATH
    return parse_taxonomy(read_text(source, "taxonomy"), str(source), is_tried=is_tried)


def parse_taxonomy(text: str, source: str, *, is_tried: bool = False) -> Taxonomy:
    """Parse YAML text; ``source`` names it in errors.

    Raises:
        ConfigurationError: The text is not a valid taxonomy; the message names line and remedy.
    """
    return _Reader(source, is_tried=is_tried).taxonomy(parse_yaml(text, source))


class _Reader(YamlReader):
    """Turns YAML nodes into a taxonomy."""

    def __init__(self, source: str, *, is_tried: bool) -> None:
        super().__init__(source)
        self._is_tried = is_tried

    def taxonomy(self, root: yaml.Node | None) -> Taxonomy:
        if root is None:
            raise self._error(None, "the file is empty; start with `categories:` and a list")
        fields = self._mapping(root, TOP_KEYS)
        listed = fields.get("categories")
        if not isinstance(listed, yaml.SequenceNode) or len(listed.value) < 2:  # noqa: PLR2004  # one class is no choice
            raise self._error(listed or root, "`categories` must list two categories or more")
        categories = tuple(self._category(node) for node in listed.value)
        self._refuse_twice(listed.value, [category.name for category in categories], "category")
        fallback = self._text(fields["fallback"], "fallback") if "fallback" in fields else DEFAULT_FALLBACK
        if fallback not in {category.name for category in categories}:
            message = f"no category is called {fallback!r}; add it, or name an existing one in `fallback`"
            raise self._error(fields.get("fallback") or listed, message)
        ids = self._ids(fields.get("ids"))
        nodes = self._sequence(fields.get("products"), "products", "`- Product name`")
        products = tuple(self._product(each) for each in nodes)
        self._refuse_twice(nodes, [product.name for product in products], "product")
        return Taxonomy(categories, fallback, ids, products)

    def _category(self, node: yaml.Node) -> Category:
        fields = self._mapping(node, CATEGORY_KEYS)
        for key in ("name", "description", "team"):
            self._require(node, fields, key, "category")
        return Category(
            name=self._text(fields["name"], "name"),
            description=self._text(fields["description"], "description"),
            team=self._text(fields["team"], "team"),
            examples=self._texts(fields.get("examples"), "examples"),
            sla=self._sla(fields.get("sla")),
            priority=self._priority(fields["priority"]) if "priority" in fields else None,
        )

    def _priority(self, node: yaml.Node) -> Priority:
        written = self._text(node, "priority")
        for known in PRIORITIES:
            if written == known:
                return known
        raise self._error(node, f"`priority` is {written!r}; it must be one of {', '.join(PRIORITIES)}")

    def _sla(self, node: yaml.Node | None) -> Sla | None:
        if node is None:
            return None
        fields = self._mapping(node, SLA_KEYS)
        if not fields:
            raise self._error(node, "`sla` is empty; give `first_response_h`, `resolution_h` or both")
        hours: dict[str, float] = {}
        for key, value in fields.items():
            text = self._text(value, key)
            try:
                hours[key] = float(text)
            except ValueError:
                hours[key] = math.nan
            if not 0 < hours[key] <= MAX_HOURS:
                message = f"`{key}` must be a number of hours above 0, such as 4 or 0.5, up to a century's"
                raise self._error(value, message)
        sla = Sla(**hours)
        if sla.first_response_h and sla.resolution_h and sla.first_response_h > sla.resolution_h:
            raise self._error(node, "`first_response_h` is later than `resolution_h`; swap them")
        return sla

    def _ids(self, node: yaml.Node | None) -> tuple[IdHint, ...]:
        nodes = self._sequence(node, "ids", "`- type: order_id`")
        hints = tuple(self._id(each) for each in nodes)
        self._refuse_twice(nodes, [hint.type for hint in hints], "id type")
        return hints

    def _id(self, node: yaml.Node) -> IdHint:
        fields = self._mapping(node, ID_KEYS)
        self._require(node, fields, "type", "id")
        kind = self._text(fields["type"], "type")
        if not _TYPE.fullmatch(kind):
            raise self._error(fields["type"], f"`type` {kind!r} must be small letters, digits and _, as in order_id")
        examples = self._texts(fields.get("examples"), "examples")
        if not examples and "pattern" not in fields:
            raise self._error(node, f"{kind!r} has no `examples` and no `pattern`; add ids as customers write them")
        pattern = self._pattern(fields["pattern"]) if "pattern" in fields else None
        if pattern is not None:
            for example in examples:
                if not re.fullmatch(pattern, example):
                    raise self._error(fields["pattern"], f"`pattern` does not match the example {example!r}; mend one")
            if self._is_tried and (slow := find_slow_text(pattern, examples)):
                message = f"`pattern` takes too long on texts like {slow!r}; give its repeats an end, as in {{1,20}}"
                raise self._error(fields["pattern"], message)
        return IdHint(kind, examples, pattern)

    def _pattern(self, node: yaml.Node) -> str:
        pattern = self._text(node, "pattern")
        if len(pattern) > MAX_PATTERN_LENGTH:
            raise self._error(node, f"`pattern` is longer than {MAX_PATTERN_LENGTH} characters; simplify it")
        if _NESTED_REPEAT.search(pattern):
            raise self._error(node, "`pattern` repeats a group that repeats itself, which can take for ever; unnest it")
        try:
            is_empty = re.fullmatch(pattern, "") is not None
        except re.error as error:
            raise self._error(node, f"`pattern` is no regular expression ({error}); mend it") from error
        if is_empty:
            raise self._error(node, "`pattern` matches nothing at all; demand a digit or letter")
        return pattern

    def _product(self, node: yaml.Node) -> Product:
        if isinstance(node, yaml.ScalarNode):
            return Product(self._text(node, "products"))
        fields = self._mapping(node, PRODUCT_KEYS)
        self._require(node, fields, "name", "product")
        return Product(self._text(fields["name"], "name"), self._texts(fields.get("aliases"), "aliases"))

    def _require(self, node: yaml.Node, fields: dict[str, yaml.Node], key: str, what: str) -> None:
        if key not in fields:
            raise self._error(node, f"this {what} has no `{key}`; add `{key}: ...`")

    def _refuse_twice(self, nodes: list[yaml.Node], names: list[str], what: str) -> None:
        seen: set[str] = set()
        for node, name in zip(nodes, names, strict=True):
            if name in seen:
                raise self._error(node, f"{what} {name!r} is there twice; rename or remove one")
            seen.add(name)

    def _texts(self, node: yaml.Node | None, key: str) -> tuple[str, ...]:
        return tuple(self._text(each, key) for each in self._sequence(node, key, "`- `"))

    def _sequence(self, node: yaml.Node | None, key: str, how: str) -> list[yaml.Node]:
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            raise self._error(node, f"`{key}` must be a list, each entry on a line with {how}")
        return list(node.value)
