from pathlib import Path

import pytest

from ticketflow.engines.embedded.taxonomy_file import load_taxonomy
from ticketflow.errors import ConfigurationError, InvalidInputError
from ticketflow.evaluation.candidates import (
    Material,
    add_examples,
    build_taxonomy,
    choose_source,
    draw_examples,
    require_categories,
)
from ticketflow.evaluation.library import Article, GivenLibrary
from ticketflow.evaluation.versions import Version, find_source, parse_version
from ticketflow.settings import Settings

EXAMPLES = {"card_lost": ["I lost my card", "My card is gone", "Card missing"], "top_up": ["How do I top up?"]}
ARTICLES = [Article(str(number), f"Title {number}", "Text.") for number in range(10)]


def choose(**material):
    wanted = Material(Settings(), **{"labels": [], "library": GivenLibrary()} | material)
    return choose_source(wanted, wanted.settings, Version(), 0).taxonomy


def test_labels_become_categories_beside_the_fallback():
    taxonomy = build_taxonomy(["top_up", "card_lost", "oos"], "oos")

    assert list(taxonomy.by_name) == ["card_lost", "top_up", "other"]
    assert taxonomy.fallback == "other"


def test_examples_of_what_is_out_of_scope_go_to_the_fallback():
    taxonomy = add_examples(build_taxonomy(["top_up"], "oos"), {"oos": ["What is love?"], "top_up": ["Top up"]}, "oos")

    assert taxonomy.by_name["other"].examples[-1] == "What is love?"
    assert taxonomy.by_name["top_up"].examples == ("Top up",)


def test_a_draw_takes_so_many_of_each_label_and_is_the_same_again():
    drawn = draw_examples(EXAMPLES, 2, "seed")

    assert {label: len(texts) for label, texts in drawn.items()} == {"card_lost": 2, "top_up": 1}
    assert drawn == draw_examples(EXAMPLES, 2, "seed")
    assert draw_examples(EXAMPLES, None, "seed") == EXAMPLES


def test_examples_and_names_make_categories_of_labels():
    assert set(choose(labels=["top_up"], examples=EXAMPLES).by_name) == {"card_lost", "top_up", "other"}
    assert choose(labels=["top_up", "card_lost"], is_names_only=True).by_name["top_up"].examples == ()


def test_without_either_the_taxonomy_is_the_settings_own():
    assert choose(labels=[load_taxonomy().categories[0].name]) == load_taxonomy()


def test_labels_that_are_no_categories_are_named():
    with pytest.raises(InvalidInputError, match=r"1 labels are no categories \(top_up\): give --examples"):
        require_categories(load_taxonomy(), ["top_up", "oos"], "oos")


def test_each_draw_leaves_out_other_articles_and_is_the_same_again():
    library = GivenLibrary(ARTICLES, leave_out=0.5)

    first, second = library.draw(0), library.draw(1)

    assert (len(first), len(second)) == (5, 5)
    assert first != second
    assert first == GivenLibrary(ARTICLES, leave_out=0.5).draw(0)


def test_a_version_is_named_by_what_is_different():
    assert parse_version(["engine=llm", "llm=openai:large"]) == Version(engine="llm", llm="openai:large")
    assert parse_version(["taxonomy=new.yaml", "model=3"]) == Version(taxonomy=Path("new.yaml"), model=3)
    assert parse_version(["model=3"]).name == "model 3"
    assert Version().name == "as set"


@pytest.mark.parametrize("written", ["llm", "engine=", "colour=red"])
def test_a_version_that_reads_otherwise_is_refused(written):
    with pytest.raises(InvalidInputError, match="must read engine=embedded, engine=llm"):
        parse_version([written])


def test_a_model_is_a_number():
    with pytest.raises(InvalidInputError, match="model=new must be the number of a stored model"):
        parse_version(["model=new"])


def test_a_stored_model_cannot_be_had_without_a_database():
    with pytest.raises(ConfigurationError, match="model= needs the database it is stored in"):
        find_source(Settings(), Version(model=3), None)


def test_the_llm_engine_needs_a_model():
    with pytest.raises(ConfigurationError, match="name one in TICKETFLOW_LLM"):
        Version(engine="llm").apply(Settings())


def test_a_version_changes_only_its_settings_and_lets_no_draft_wait():
    settings = Settings(llm="openai:small", approval="always")

    assert Version().apply(settings).approval == "never"
    assert Version(engine="embedded").apply(settings).llm is None
    assert Version(llm="openai:large").apply(settings).llm == "openai:large"
