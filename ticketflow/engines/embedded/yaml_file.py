"""Read YAML that an operator wrote, with errors that name the line and the remedy."""

from collections.abc import Set as AbstractSet
from pathlib import Path

import yaml

from ticketflow.errors import ConfigurationError
from ticketflow.shipped import YAML_LOADER


def read_text(path: Path, what: str) -> str:
    """Read a file; ``what`` names it in errors.

    Raises:
        ConfigurationError: It is missing, or not UTF-8 text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"cannot read the {what} {path}: {error}; give the path of a UTF-8 YAML file"
        raise ConfigurationError(message) from error


def parse_yaml(text: str, source: str) -> yaml.Node | None:
    """Parse YAML text into nodes, which know their lines; ``None`` for a text that says nothing.

    Raises:
        ConfigurationError: The text is no YAML; the message names line and remedy.
    """
    try:
        root: yaml.Node | None = yaml.compose(text, Loader=YAML_LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        message = (
            f"{source}:{line}: not valid YAML ({getattr(error, 'problem', error)}); mend the indentation or quotes"
        )
        raise ConfigurationError(message) from error
    return root


class YamlReader:
    """Turns nodes into values, failing at the line to blame; a reader of one kind of file extends it."""

    def __init__(self, source: str) -> None:
        """Take what names the file in errors."""
        self._source = source

    def _mapping(self, node: yaml.Node, allowed: AbstractSet[str] | None) -> dict[str, yaml.Node]:
        """Return the values of a mapping by key; ``allowed`` names its keys, where any will not do."""
        if not isinstance(node, yaml.MappingNode):
            named = f" ({', '.join(sorted(allowed))})" if allowed else ""
            raise self._error(node, f"expected keys{named} with values, found something else")
        fields: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._error(key, "expected a name before the colon, found something else")
            if allowed is not None and key.value not in allowed:
                raise self._error(key, f"unknown key {key.value!r}; allowed are {', '.join(sorted(allowed))}")
            if key.value in fields:
                raise self._error(key, f"`{key.value}` is there twice; remove one")
            fields[key.value] = value
        return fields

    def _text(self, node: yaml.Node, key: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
            raise self._error(node, f"`{key}` must be text; put it in quotes if it contains a colon or a brace")
        return str(node.value).strip()

    def _error(self, node: yaml.Node | None, message: str) -> ConfigurationError:
        line = node.start_mark.line + 1 if node is not None else 1
        return ConfigurationError(f"{self._source}:{line}: {message}")
