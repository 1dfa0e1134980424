"""What stands before a page: names with values, in YAML between dashes, TOML between pluses, or JSON in braces."""

import json
import re
import tomllib
from typing import Any

import yaml

from ticketflow.errors import InvalidInputError

# Title and tags; what is longer is no front matter, whatever stands around it.
MAX_HEAD_CHARACTERS = 10_000
_FENCE = re.compile(r"(-{3,40}|\+{3})[ \t]*\Z")


class _Head(yaml.BaseLoader):
    """Reads words as they stand. Nothing stands for anything else, so that nothing grows."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise InvalidInputError("front matter: an alias (*name) has no place there")
        return super().compose_node(parent, index)


def split_front_matter(text: str) -> tuple[dict[str, Any], str]:
    """Take the front matter off the top of a text.

    Raises:
        InvalidInputError: It is there, but not names with values; the message names the remedy.
    """
    text = text.lstrip("\n")
    first, _, rest = text.partition("\n")
    fence = _FENCE.match(first)
    if text.startswith(("{\n", '{ "', '{"')):
        return _split_json(text)
    if not fence:
        return {}, text
    marks = "+++" if fence[1] == "+++" else r"(?:-{3,40}|\.\.\.)"
    end = re.compile(rf"^{re.escape(marks) if marks == '+++' else marks}[ \t]*$", re.MULTILINE).search(rest)
    if not end or rest.startswith("\n"):  # a rule between paragraphs
        return {}, text
    head = rest[: end.start()]
    if len(head) > MAX_HEAD_CHARACTERS:
        raise InvalidInputError(f"front matter: longer than {MAX_HEAD_CHARACTERS:,} characters")
    named = _parse(head, is_toml=marks == "+++")
    if not isinstance(named, dict):
        if fence[1] == "---" and named is not None:
            raise InvalidInputError(f"what stands between the {fence[1]} lines is not `name: value`")
        return {}, text
    if not isinstance(named.get("title", ""), str):
        raise InvalidInputError("title: must be text")
    return named, rest[end.end() :].removeprefix("\n")


def _parse(head: str, *, is_toml: bool) -> Any:
    try:
        if is_toml:
            return tomllib.loads(head)
        return yaml.load(head, _Head) or {}  # noqa: S506  # knows nothing but text, lists and mappings
    except (yaml.YAMLError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidInputError(f"front matter: {error}") from None


def _split_json(text: str) -> tuple[dict[str, Any], str]:
    try:
        named, end = json.JSONDecoder().raw_decode(text[:MAX_HEAD_CHARACTERS])
    except (ValueError, RecursionError):
        return {}, text
    return (named, text[end:].lstrip("\n")) if isinstance(named, dict) else ({}, text)
