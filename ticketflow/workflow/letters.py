"""The words around a reply: fixed sentences per language and team, and words that may never go out."""

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache

DEFAULT_LANGUAGE = "en"
# What a filled-in field may be when a letter is recognised again: names, titles, ids.
MAX_FIELD_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Phrases:
    """Fixed sentences of a reply; ``{}`` fields are filled with str.format.

    Attributes:
        hello: Greeting without a name.
        hello_name: Greeting with ``{name}``.
        sorry: Said first to somebody who is upset.
        answer: Introduces quotes from ``{title}``.
        more: After an answer; may name ``{team}``.
        routed: Acknowledgement without an answer; may name ``{team}``.
        kept: Says that ``{ids}`` was noted.
        bye: Sign-off.
        answer_too: Introduces quotes from ``{title}`` for another question of the same ticket; empty: like the first.
        handed_over: Says who has the ``{question}`` that no article answers; empty: such a ticket is routed as a whole.
        danger: Instead of ``routed`` where somebody may be in danger; in English where a language has none.
        person: Instead of ``routed`` where only a person may answer: fraud, the law; likewise.
        foreign: Said after the greeting to a customer in whose language there are no letters.
    """

    hello: str
    hello_name: str
    sorry: str
    answer: str
    more: str
    routed: str
    kept: str
    bye: str
    answer_too: str = ""
    handed_over: str = ""
    danger: str = ""
    person: str = ""
    foreign: str = ""

    def list_texts(self) -> list[str]:
        """List all phrases."""
        return [getattr(self, each.name) for each in fields(self)]


PHRASE_NAMES = tuple(each.name for each in fields(Phrases))


@dataclass(frozen=True, slots=True)
class Letters:
    """All phrases an operator's replies may be made of.

    Attributes:
        phrases: By language, ISO 639-1.
        teams: By language and team, where a team has its own.
        forbidden: Words and phrases that may never go out, whoever wrote the draft.
    """

    phrases: Mapping[str, Phrases] = field(default_factory=dict)
    teams: Mapping[tuple[str, str], Phrases] = field(default_factory=dict)
    forbidden: tuple[str, ...] = ()

    def find(self, language: str, team: str) -> Phrases | None:
        """Return the phrases of a team in a language, English where there are none; ``None`` without any letters."""
        if language not in self.phrases:
            language = DEFAULT_LANGUAGE
        return self.teams.get((language, team)) or self.phrases.get(language)

    def wrote(self, text: str) -> bool:
        """Tell a letter of ours: it begins and ends with our phrases, and answers or hands over between."""
        for each in (*self.phrases.values(), *self.teams.values()):
            begins = any(_fill(phrase).match(text.strip()) for phrase in (each.hello, each.hello_name))
            ends = re.compile(rf"(?:{_fill(each.bye).pattern})\s*\Z").search(text)
            if begins and ends and any(_fill(phrase).search(text) for phrase in (each.answer, each.routed)):
                return True
        return False

    def take_out(self, text: str, language: str, team: str) -> str:
        """Leave a line break where a phrase stands in a text."""
        phrases = self.find(language, team)
        # The longest first: a short one may be part of it.
        for phrase in sorted(filter(str.strip, phrases.list_texts()), key=len, reverse=True) if phrases else ():
            text = _fill(phrase).sub("\n", text)
        return text


@lru_cache(maxsize=1024)
def _fill(phrase: str) -> re.Pattern[str]:
    """Make a pattern of a phrase with anything short in the place of its fields."""
    parts = [
        "".join([re.escape(literal), "" if name is None else rf"[^\n]{{0,{MAX_FIELD_LENGTH}}}?"])
        for literal, name, _, _ in string.Formatter().parse(phrase)
    ]
    return re.compile("".join(parts))
