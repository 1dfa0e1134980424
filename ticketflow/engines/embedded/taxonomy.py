"""The operator's categories: read from YAML, with errors that name the line and the remedy."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ticketflow.errors import ConfigurationError

DEFAULT_TAXONOMY_PATH = Path(__file__).parent / "taxonomy.yaml"
CATEGORY_KEYS = frozenset({"name", "description", "team", "examples"})


@dataclass(frozen=True, slots=True)
class Category:
    """One kind of ticket.

    Attributes:
        name: What the API and the reports call it.
        description: One sentence; the classifier learns from it.
        team: Who looks after these tickets.
        examples: Sentences customers write; ten or so make a good category.
    """

    name: str
    description: str
    team: str
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """All categories, and the one for tickets that fit none.

    Attributes:
        categories: In the order of the file.
        fallback: Name of the category for unclear tickets.
    """

    categories: tuple[Category, ...]
    fallback: str

    def team_of(self, name: str) -> str:
        """Return the team of a category; the name must be in the taxonomy."""
        return next(category.team for category in self.categories if category.name == name)


def load_taxonomy(path: Path | None = None) -> Taxonomy:
    """Read a taxonomy file; ``None`` reads the one shipped with this package.

    Raises:
        ConfigurationError: The file is missing or wrong; the message names line and remedy.
    """
    source = path or DEFAULT_TAXONOMY_PATH
    try:
        return parse_taxonomy(source.read_text(encoding="utf-8"), str(source))
    except (OSError, UnicodeDecodeError) as error:
        message = f"cannot read the taxonomy {source}: {error}; give the path of a UTF-8 YAML file"
        raise ConfigurationError(message) from error


def parse_taxonomy(text: str, source: str) -> Taxonomy:
    """Parse YAML text; ``source`` names it in errors.

    Raises:
        ConfigurationError: The text is not a valid taxonomy; the message names line and remedy.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        message = (
            f"{source}:{line}: not valid YAML ({getattr(error, 'problem', error)}); mend the indentation or quotes"
        )
        raise ConfigurationError(message) from error
    return _Reader(source).taxonomy(root)


class _Reader:
    """Turns YAML nodes into a taxonomy, failing at the line to blame."""

    def __init__(self, source: str) -> None:
        self._source = source

    def taxonomy(self, root: yaml.Node | None) -> Taxonomy:
        if root is None:
            raise self._error(None, "the file is empty; start with `categories:` and a list")
        fields = self._mapping(root, frozenset({"categories", "fallback"}))
        listed = fields.get("categories")
        if not isinstance(listed, yaml.SequenceNode) or len(listed.value) < 2:  # noqa: PLR2004  # one class is no choice
            raise self._error(listed or root, "`categories` must list two categories or more")
        categories = tuple(self._category(node) for node in listed.value)
        names = [category.name for category in categories]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise self._error(listed.value[index], f"category {name!r} is there twice; rename or remove one")
        fallback = self._text(fields["fallback"], "fallback") if "fallback" in fields else "other"
        if fallback not in names:
            message = f"no category is called {fallback!r}; add it, or name an existing one in `fallback`"
            raise self._error(fields.get("fallback") or listed, message)
        return Taxonomy(categories, fallback)

    def _category(self, node: yaml.Node) -> Category:
        fields = self._mapping(node, CATEGORY_KEYS)
        for key in ("name", "description", "team"):
            if key not in fields:
                raise self._error(node, f"this category has no `{key}`; add `{key}: ...`")
        return Category(
            name=self._text(fields["name"], "name"),
            description=self._text(fields["description"], "description"),
            team=self._text(fields["team"], "team"),
            examples=self._texts(fields["examples"]) if "examples" in fields else (),
        )

    def _mapping(self, node: yaml.Node, allowed: frozenset[str]) -> dict[str, Any]:
        if not isinstance(node, yaml.MappingNode):
            raise self._error(node, f"expected keys ({', '.join(sorted(allowed))}), found something else")
        fields: dict[str, Any] = {}
        for key, value in node.value:
            if key.value not in allowed:
                raise self._error(key, f"unknown key {key.value!r}; allowed are {', '.join(sorted(allowed))}")
            fields[key.value] = value
        return fields

    def _texts(self, node: yaml.Node) -> tuple[str, ...]:
        if not isinstance(node, yaml.SequenceNode):
            raise self._error(node, "`examples` must be a list of sentences, each on a line with `- `")
        return tuple(self._text(each, "examples") for each in node.value)

    def _text(self, node: yaml.Node, key: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
            raise self._error(node, f"`{key}` must be text; put it in quotes if it contains a colon")
        return str(node.value).strip()

    def _error(self, node: yaml.Node | None, message: str) -> ConfigurationError:
        line = node.start_mark.line + 1 if node is not None else 1
        return ConfigurationError(f"{self._source}:{line}: {message}")
