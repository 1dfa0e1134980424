"""Letters from an operator's file over the shipped ones, and replies made of them."""

import pytest

from tests.fakes import fake_request
from ticketflow.engines.embedded.write.letters_file import load_letters, load_shipped_letters, parse_letters
from ticketflow.engines.embedded.write.writer import EmbeddedWriter
from ticketflow.errors import ConfigurationError
from ticketflow.workflow.letters import PHRASE_NAMES, Letters
from ticketflow.workflow.ports import Brief

OWN = """
letters:
  en:
    bye: "Yours,\\nThe shop"
    teams:
      Billing:
        bye: "Yours,\\n{team}"
  sv:
    hello: "Hej,"
    hello_name: "Hej {name},"
    sorry: "Tyvärr."
    answer: "Vår artikel {title} säger:"
    more: "Svara bara."
    routed: "Vi har skickat det till {team}."
    kept: "Noterat: {ids}."
    bye: "Hälsningar"
forbidden:
  - cheap
"""


def parse(text):
    return parse_letters(text, "letters.yaml", load_shipped_letters())


def brief_of(language, team):
    return Brief(fake_request(), "billing", team, language, "neutral", [], [], [])


def test_what_a_file_leaves_out_comes_as_shipped():
    letters, shipped = parse(OWN), load_shipped_letters()

    assert letters.find("en", "Accounts").bye == "Yours,\nThe shop"
    assert letters.find("en", "Billing").bye == "Yours,\n{team}"
    assert letters.find("en", "Billing").routed == shipped.find("en", "Billing").routed
    assert letters.find("de", "Billing") == shipped.find("de", "Billing")
    assert letters.find("sv", "Billing").hello == "Hej,"
    assert letters.forbidden == ("cheap",)


def test_a_team_signs_with_its_own_name():
    writer = EmbeddedWriter(None, letters=parse(OWN))

    texts = [writer.acknowledge(brief_of("en", team)).text for team in ("Billing", "Accounts")]

    assert [text.rpartition("\n")[2] for text in texts] == ["Billing", "The shop"]


@pytest.mark.parametrize("language", load_shipped_letters().phrases)
def test_a_letter_is_made_of_phrases_and_nothing_else(language):
    letters = load_shipped_letters()
    text = EmbeddedWriter(None).acknowledge(brief_of(language, "Billing")).text

    assert letters.take_out(text, language, "Billing").strip() == ""


def test_seven_languages_ship_with_every_phrase():
    shipped = load_shipped_letters().phrases

    assert set(shipped) == {"en", "de", "fr", "es", "it", "pt", "nl"}
    assert all(getattr(phrases, name) for phrases in shipped.values() for name in PHRASE_NAMES)


def test_without_letters_there_are_no_phrases():
    assert Letters().find("en", "Billing") is None
    assert Letters().take_out("Hello,", "en", "Billing") == "Hello,"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1: the file is empty"),
        ("letters: [", "not valid YAML"),
        ("letters:\n  en:\n    bye: 'Yours, {name}'", r"3: `bye` has no \{name\}; allowed are \{team\}"),
        ("letters:\n  en:\n    hello_name: Dear customer", r"3: `hello_name` must contain \{name\}"),
        ("letters:\n  en:\n    bye: 'Yours {'", "3: `bye`: .* write a brace of the text twice"),
        ("letters:\n  en:\n    bye: 'Yours {team!r}'", "3: `bye`: write only names between braces"),
        ("letters:\n  en:\n    goodbye: x", "3: unknown key 'goodbye'; allowed are answer, answer_too, bye"),
        ("letters:\n  english:\n    bye: x", "3: 'english' is no language"),
        ("letters:\n  sv:\n    bye: x", "3: a language that does not ship needs all phrases; add hello, hello_name"),
        ("letters:\n  en:\n    bye: ''", "3: `bye` must be text"),
        ("letters:\n  en:\n    bye: x\n    bye: y", "4: `bye` is there twice"),
        ("letters:\n  en: x", "2: expected keys"),
        ("letters:\n  ? [en]\n  : x", "2: expected a name before the colon"),
        ("forbidden: cheap", "1: `forbidden` must be a list"),
        ("greetings: {}", "1: unknown key 'greetings'; allowed are forbidden, letters"),
    ],
)
def test_an_error_names_line_and_remedy(text, message):
    with pytest.raises(ConfigurationError, match=rf"letters\.yaml:{message}" if message[0].isdigit() else message):
        parse(text)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot read the letters"):
        load_letters(tmp_path / "none.yaml")
