"""Articles over HTTP: written, versioned, searched."""

import pytest

from tests.served import Served
from ticketflow.services.keys import create_key
from ticketflow.settings import Settings
from ticketflow.tasks.runtime import Runtime

ARTICLE = {"title": "Refunds", "body": "Sent back within five days.", "tags": ["billing"], "external_id": "kb-1"}
CHANGED = {"title": "Refunds", "body": "Sent back within three days."}


def test_an_article_is_written_read_changed_and_deleted(api):
    written = api.post("/articles", json=ARTICLE)
    path = written.headers["Location"]
    changed = api.call("PUT", path, json=CHANGED, headers={"If-Match": written.headers["ETag"]})
    shown = api.get(path)
    deleted = api.call("DELETE", path)

    assert (written.status_code, written.headers["ETag"], written.json["tags"]) == (201, '"1"', ["billing"])
    assert (changed.status_code, changed.headers["ETag"], changed.json["body"]) == (200, '"2"', CHANGED["body"])
    assert (shown.json, shown.json["external_id"]) == (changed.json, "kb-1")
    assert (deleted.status_code, deleted.data) == (204, b"")
    assert [api.get(path).status_code, api.call("DELETE", path).status_code] == [404, 404]
    assert api.call("PUT", path, json=CHANGED).status_code == 404


@pytest.mark.parametrize("seen", ['"1"', 'W/"2"', '"x"', "garbage"])
def test_a_change_of_a_version_that_is_gone_is_refused(api, seen):
    path = api.post("/articles", json=ARTICLE).headers["Location"]
    api.call("PUT", path, json=CHANGED)

    answer = api.call("PUT", path, json=ARTICLE | {"external_id": None}, headers={"If-Match": seen})
    refused = api.call("PUT", path, json=CHANGED | {"title": "Lost"}, headers={"If-Match": seen})

    assert answer.status_code == 422
    assert (refused.status_code, refused.json["type"]) == (412, "/problems/version-conflict")
    assert api.get(path).json["version"] == 2


@pytest.mark.parametrize("headers", [{}, {"If-Match": "*"}])
def test_a_change_without_a_version_overwrites(api, headers):
    path = api.post("/articles", json=ARTICLE).headers["Location"]

    assert api.call("PUT", path, json=CHANGED, headers=headers).json["version"] == 2


def test_an_external_id_is_taken_once(api):
    api.post("/articles", json=ARTICLE)

    answer = api.post("/articles", json=ARTICLE)

    assert (answer.status_code, answer.json["type"]) == (409, "/problems/conflict")
    assert api.count("articles") == 1


def test_a_known_version_is_not_sent_again(api):
    path = api.post("/articles", json=ARTICLE).headers["Location"]

    assert api.get(path, headers={"If-None-Match": '"1"'}).status_code == 304


def test_every_version_of_an_article_can_be_read_even_when_it_is_gone(api):
    path = api.post("/articles", json=ARTICLE).headers["Location"]
    api.call("PUT", path, json=CHANGED)
    api.call("DELETE", path)

    listed = api.get(f"{path}/versions").json["versions"]
    first = api.get(f"{path}/versions/1")

    assert [(each["version"], each["body"]) for each in listed] == [(2, CHANGED["body"]), (1, ARTICLE["body"])]
    assert (first.json, first.json["tags"]) == (listed[1], ["billing"])


def test_versions_come_in_pages(api):
    path = api.post("/articles", json=ARTICLE).headers["Location"]
    api.call("PUT", path, json=CHANGED)

    first = api.get(f"{path}/versions?limit=1")
    second = api.get(first.headers["Link"].partition(">")[0].lstrip("<"))

    assert [each["version"] for each in first.json["versions"] + second.json["versions"]] == [2, 1]
    assert "Link" not in second.headers


def test_a_version_or_an_article_that_never_was_is_not_found(api):
    path = api.post("/articles", json=ARTICLE).headers["Location"]
    other = {"Authorization": f"Bearer {create_key(api.sessions, 'other', 'acme')}"}

    missing = [
        f"{path}/versions/2",
        f"{path}/versions/{2**31}",
        "/articles/018f6f2e-0000-7000-8000-00000000000f/versions",
    ]
    assert [api.get(each).status_code for each in missing] == [404, 404, 404]
    assert api.get(f"{path}/versions?cursor={2**31}").status_code == 422
    assert [api.get(each, headers=other).status_code for each in (f"{path}/versions/1", f"{path}/versions")] == [
        404
    ] * 2


def test_html_of_any_shape_is_taken_or_refused(api):
    pages = ["<![foo]>", "<p>Refunds<![foo]></p>", "<!--" * 30_000, "<a<" * 30_000, "<a " * 30_000, "<div>" * 30_000]

    answers = [api.post("/articles", json={"title": "Refunds", "body": page, "format": "html"}) for page in pages]

    assert [answer.status_code for answer in answers] == [422, 201, 422, 422, 422, 422]
    assert answers[1].json["body"] == "Refunds"


def test_of_html_the_words_are_kept(api):
    page = "<h1>Refunds</h1><script>alert(1)</script><p>Within <b>five</b> days.</p>"

    kept = api.post("/articles", json={"title": "Refunds", "body": page, "format": "html"})
    empty = api.post("/articles", json={"title": "Refunds", "body": "<script>1</script>", "format": "html"})
    other = api.post("/articles", json={"title": "Refunds", "body": page, "format": "pdf"})

    assert kept.json["body"] == "Within five days."
    assert [(each.status_code, each.json["errors"][0]["field"]) for each in (empty, other)] == [
        (422, "body"),
        (422, "format"),
    ]


def test_pages_show_every_article_once(api):
    sent = [api.post("/articles", json=ARTICLE | {"external_id": str(each)}).json["id"] for each in range(3)]

    first = api.get("/articles?limit=2")
    second = api.get(first.headers["Link"].partition(">")[0].lstrip("<"))

    assert [article["id"] for article in first.json["articles"] + second.json["articles"]] == sent[::-1]
    assert "Link" not in second.headers


def test_a_search_finds_passages(empty):
    found = empty.get("/articles/search?q=reset+my+password&limit=1").json["results"]

    assert [passage["title"] for passage in found] == ["Reset your password"]
    assert (found[0]["threshold"], found[0]["is_sure"]) == (Settings().answer_confidence, True)
    assert {"similarity", "lexical", "start"} <= found[0].keys()
    assert {"similarity", "title", "rarity"} <= found[0]["evidence"].keys()
    assert empty.get("/articles/search?q=zebra").json == {"results": []}


@pytest.mark.parametrize(
    ("article", "field"),
    [
        ({"body": "x"}, "title"),
        ({"title": "x"}, "body"),
        ({"title": "x", "body": " "}, "body"),
        ({"title": "x", "body": "y", "tags": "billing"}, "tags"),
        ({"title": "x", "body": "y", "tags": [""]}, "tags.0"),
        ({"title": "x", "body": "y", "version": 3}, "version"),
    ],
)
def test_an_article_that_does_not_fit_is_refused_by_name(empty, article, field):
    answer = empty.post("/articles", json=article)

    assert (answer.status_code, [error["field"] for error in answer.json["errors"]]) == (422, [field])


def test_a_search_never_finds_another_tenants_article(sessions, database_url):
    live = Runtime(Settings(database_url=database_url))
    api = Served(sessions, knowledge=live.knowledge.articles_of)
    other = {"Authorization": f"Bearer {create_key(sessions, 'other', 'acme')}"}
    api.post("/articles", json=ARTICLE)
    api.post("/articles", json=ARTICLE | {"title": "Refunds at Acme"}, headers=other)

    ours, theirs = [api.get("/articles/search?q=refunds", headers=each).json["results"] for each in ({}, other)]
    live.engine.dispose()

    assert [passage["title"] for passage in ours] == ["Refunds"]
    assert [passage["title"] for passage in theirs] == ["Refunds at Acme"]


def test_a_search_without_a_question_is_refused(api):
    assert api.get("/articles/search").json["errors"][0]["field"] == "q"


def test_markup_is_read_and_what_is_left_out_is_said_once(api):
    body = "See **[hours](https://rent.example/h)**.\n\n![x](y.png)\n\nInternal note: z"

    written = api.post("/articles", json={"title": "Hours", "body": body})
    changed = api.call("PUT", written.headers["Location"], json={"title": "Hours", "body": body, "format": "text"})

    assert written.json["body"] == "See hours (https://rent.example/h)."
    assert written.json["left_out"] == ["1 images", "1 internal notes"]
    assert "left_out" not in api.get(written.headers["Location"]).json
    assert (changed.json["body"], "left_out" in changed.json) == (body, False)


def test_a_draft_is_refused_and_says_how_to_take_an_article_back(api):
    draft = {"title": "Hours", "body": "---\ndraft: true\n---\nFrom nine to six."}

    answer = api.post("/articles", json=draft)

    assert (answer.status_code, api.count("articles")) == (422, 0)
    assert "it is a draft" in answer.get_data(as_text=True)
    assert "delete it" in answer.get_data(as_text=True)
