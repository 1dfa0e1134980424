"""Exports of help centres, in the shapes their interfaces give."""

import json

import pytest

from ticketflow.cli.article_exports import read_export, read_table
from ticketflow.cli.entries import read_entries
from ticketflow.errors import InvalidInputError

HTML = "<p>You can <b>pause</b>.</p>"
OPEN = {
    "Zendesk": {"count": 1, "articles": [{"id": 1, "title": "Pause", "body": HTML, "draft": False, "locale": "en-us"}]},
    "Zendesk, one": {"article": {"id": 1, "title": "Pause", "body": HTML, "draft": False}},
    "Intercom": {"type": "list", "data": [{"id": "1", "title": "Pause", "body": HTML, "state": "published"}]},
    "Help Scout": {
        "articles": {"page": 1, "items": [{"id": "1", "name": "Pause", "status": "published", "text": HTML}]}
    },
    "Freshdesk": [{"id": 1, "title": "Pause", "description": HTML, "description_text": "x", "status": 2}],
    "Chatwoot": {"payload": [{"id": 1, "title": "Pause", "content": "You can **pause**.", "status": "published"}]},
    "Confluence": {
        "results": [{"id": "1", "title": "Pause", "status": "current", "body": {"storage": {"value": HTML}}}]
    },
    "WordPress": [{"id": 1, "title": {"rendered": "Pause"}, "content": {"rendered": HTML}, "status": "publish"}],
    "JSON:API": {"data": [{"id": "1", "type": "faq", "attributes": {"title": "Pause", "content": HTML}}]},
    "Zoho": {"data": [{"id": "1", "title": "Pause", "answer": HTML, "status": "Published"}]},
    "lines": [{"external_id": "1", "title": "Pause", "body": "You can __pause__.", "format": "markdown"}],
}


def read(content):
    return list(read_export(read_entries("export.json", json.dumps(content))))


@pytest.mark.parametrize("name", OPEN)
def test_an_export_is_read_as_it_is(name):
    (page,) = read(OPEN[name])

    assert (page.article.external_id, page.article.title, page.article.body) == ("1", "Pause", "You can pause.")


@pytest.mark.parametrize(
    "name", ["Zendesk", "Intercom", "Help Scout", "Freshdesk", "Chatwoot", "Confluence", "WordPress"]
)
def test_a_draft_is_named_with_its_id(name):
    drafts = {"Zendesk": '"draft": true', "Freshdesk": '"status": 1', "Help Scout": '"status": "notpublished"'}
    published = {"Zendesk": '"draft": false', "Freshdesk": '"status": 2', "Intercom": '"state": "published"'}
    known = published.get(name, '"status": "published"')
    text = json.dumps(OPEN[name]).replace(known, drafts.get(name, '"status": "draft"'))
    text = text.replace('"status": "current"', '"status": "draft"').replace('"status": "publish"', '"status": "draft"')

    (page,) = read_export(read_entries("export.json", text))

    assert (page.article, page.unpublished_id) == (None, "1")
    assert "draft" in page.problem or "not published" in page.problem


def test_a_question_with_its_answer_is_known_by_the_question():
    pages = read(
        [{"question": "How do I pause?", "answer": "Wait."}, {"question": "How do I stop?", "answer": "Stop."}]
    )

    assert [(page.article.external_id, page.article.title) for page in pages] == [
        ("How do I pause?", "How do I pause?"),
        ("How do I stop?", "How do I stop?"),
    ]


def test_questions_of_structured_data_are_read():
    (page,) = read({"mainEntity": [{"@type": "Question", "name": "Pause?", "acceptedAnswer": {"text": HTML}}]})

    assert (page.article.external_id, page.article.body) == ("Pause?", "You can pause.")


def test_a_second_language_has_an_id_of_its_own():
    pages = read({"articles": [{"id": 7, "title": each, "body": HTML, "locale": each} for each in ("en", "de", "fr")]})

    assert [page.article.external_id for page in pages] == ["7", "7/de", "7/fr"]


def test_the_same_id_twice_in_a_language_stays_the_same_id():
    pages = read({"articles": [{"id": 7, "title": "a", "body": HTML, "locale": "en"}] * 2})

    assert [page.article.external_id for page in pages] == ["7", "7"]


def test_translations_within_an_entry_are_articles_too():
    translated = {"type": "x", "de": {"title": "Pause", "body": HTML, "state": "published"}, "fr": {"state": "draft"}}
    entry = {"id": "1", "title": "Pausing", "body": HTML, "default_locale": "en", "translated_content": translated}

    pages = read({"data": [entry]})

    assert [page.article.external_id if page.article else page.unpublished_id for page in pages] == [
        "1",
        "1/de",
        "1/fr",
    ]


TABLES = [
    "question,answer\nPause?,You can pause.",
    "id;title;body\n1;Pause?;You can pause.",
    "Title\tContent\nPause?\tYou can pause.",
]


@pytest.mark.parametrize("text", TABLES)
def test_a_table_is_read_by_its_columns(text):
    pages = list(read_export(read_table("faq.csv", text)))

    if "id" in text or "question" in text:
        assert [(page.article.title, page.article.body) for page in pages] == [("Pause?", "You can pause.")]
    else:
        assert "external_id or id" in pages[0].problem


@pytest.mark.parametrize("text", ["a,b\n1,2", "question\nx", "1,2,3"])
def test_a_table_without_such_columns_says_what_to_write(text):
    with pytest.raises(InvalidInputError, match="JSON lines"):
        read_table("faq.csv", text)


def test_a_cell_may_have_commas_and_lines():
    pages = list(read_export(read_table("faq.csv", 'question,answer\nPause?,"You can pause,\nfor now."\n\n')))

    assert [page.article.body for page in pages] == ["You can pause, for now."]
