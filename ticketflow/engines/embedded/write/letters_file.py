"""Read letters from YAML, with errors that name the line and the remedy; what a file leaves out comes as shipped."""

import string
from dataclasses import replace
from functools import cache
from pathlib import Path

import yaml

from ticketflow.engines.embedded.yaml_file import YamlReader, parse_yaml, read_text
from ticketflow.workflow.letters import DEFAULT_LANGUAGE, PHRASE_NAMES, Letters, Phrases

SHIPPED_PATH = Path(__file__).parent / "letters.yaml"
# What each phrase may be filled with; {team} may stand in all of them.
_FIELDS = {
    "hello_name": {"name"},
    "answer": {"title"},
    "answer_too": {"title"},
    "kept": {"ids"},
    "handed_over": {"question"},
}
_NEEDED = {"hello_name": "name", "kept": "ids", "handed_over": "question"}
# Without these, which came later, letters are as they were.
_OPTIONAL = {"answer_too", "handed_over", "danger", "person", "foreign"}
_TEAMS = "teams"


def load_letters(path: Path | None = None) -> Letters:
    """Read an operator's letters over the shipped ones; ``None`` reads those alone.

    Raises:
        ConfigurationError: The file is missing or wrong; the message names line and remedy.
    """
    if path is None:
        return load_shipped_letters()
    return parse_letters(read_text(path, "letters"), str(path), load_shipped_letters())


@cache
def load_shipped_letters() -> Letters:
    """Read the letters that ship."""
    return parse_letters(SHIPPED_PATH.read_text(encoding="utf-8"), str(SHIPPED_PATH), Letters())


def parse_letters(text: str, source: str, shipped: Letters) -> Letters:
    """Parse YAML text; ``source`` names it in errors, ``shipped`` fills what it leaves out.

    Raises:
        ConfigurationError: The text is no valid letters file; the message names line and remedy.
    """
    return _Reader(source, shipped).letters(parse_yaml(text, source))


class _Reader(YamlReader):
    """Turns YAML nodes into letters."""

    def __init__(self, source: str, shipped: Letters) -> None:
        super().__init__(source)
        self._shipped = shipped

    def letters(self, root: yaml.Node | None) -> Letters:
        if root is None:
            raise self._error(None, "the file is empty; start with `letters:` and a language")
        top = self._mapping(root, {"letters", "forbidden"})
        phrases, teams = dict(self._shipped.phrases), dict(self._shipped.teams)
        languages = self._mapping(top["letters"], None) if "letters" in top else {}
        for language, node in languages.items():
            if len(language) != 2 or not language.isalpha():  # noqa: PLR2004  # ISO 639-1
                raise self._error(
                    node, f"{language!r} is no language; write its two letters, as in `{DEFAULT_LANGUAGE}:`"
                )
            given = self._mapping(node, {*PHRASE_NAMES, _TEAMS})
            phrases[language] = self._phrases(node, given, phrases.get(language))
            own = self._mapping(given[_TEAMS], None) if _TEAMS in given else {}
            for team, below in own.items():
                changed = self._mapping(below, set(PHRASE_NAMES))
                teams[language, team] = self._phrases(below, changed, phrases[language])
        listed = top.get("forbidden")
        if listed is None:
            return Letters(phrases, teams, self._shipped.forbidden)
        if not isinstance(listed, yaml.SequenceNode):
            raise self._error(listed, "`forbidden` must be a list of words, each on a line with `- `")
        return Letters(phrases, teams, tuple(self._text(each, "forbidden") for each in listed.value))

    def _phrases(self, node: yaml.Node, given: dict[str, yaml.Node], base: Phrases | None) -> Phrases:
        written = {name: self._phrase(name, given[name]) for name in PHRASE_NAMES if name in given}
        if base is not None:
            return replace(base, **written)
        if missing := [name for name in PHRASE_NAMES if name not in written and name not in _OPTIONAL]:
            raise self._error(node, f"a language that does not ship needs all phrases; add {', '.join(missing)}")
        return Phrases(**written)

    def _phrase(self, name: str, node: yaml.Node) -> str:
        text = self._text(node, name)
        allowed = _FIELDS.get(name, set()) | {"team"}
        try:
            parts = list(string.Formatter().parse(text))
        except ValueError as error:
            raise self._error(node, f"`{name}`: {error}; write a brace of the text twice, as in {{{{") from error
        used = {found for _, found, _, _ in parts if found is not None}
        for found in sorted(used - allowed):
            raise self._error(
                node, f"`{name}` has no {{{found}}}; allowed are {', '.join(f'{{{each}}}' for each in sorted(allowed))}"
            )
        if any(spec or conversion for _, _, spec, conversion in parts):
            raise self._error(node, f"`{name}`: write only names between braces")
        if (needed := _NEEDED.get(name)) and needed not in used:
            raise self._error(node, f"`{name}` must contain {{{needed}}}")
        return text
