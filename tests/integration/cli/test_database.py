"""Commands that work on the database itself."""

import json
import shutil

import pytest
from sqlalchemy import text

from ticketflow.services.articles import read_articles
from ticketflow.services.keys import find_caller
from ticketflow.storage.migrate import downgrade
from ticketflow.storage.models import Article


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "articles"
    (folder / "orders").mkdir(parents=True)
    (folder / ".git").mkdir()
    (folder / ".git" / "notes.md").write_text("hidden")
    (folder / "orders" / "track.md").write_text('---\ntitle: "Track it"\ntags: [a, b]\n---\n\nLook at the label.\n')
    (folder / "heading.md").write_text("# Return it\n\nSend it back.\n")
    (folder / "first-line.txt").write_text("Pay it\r\n\r\nUse a card.\r\n")
    (folder / "page.html").write_text("<title>Wash it</title><p>Cold.")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    return folder


def stored(sessions) -> dict[str, Article]:
    found, _ = read_articles(sessions, "default", None, 100)
    return {article.external_id: article for article in found}


def test_a_folder_is_imported_with_titles_and_tags(run, sessions, folder):
    result = run("articles", "import", folder)

    articles = stored(sessions)
    assert (result.exit_code, result.stdout) == (0, "4 created, 0 updated, 0 unchanged\n")
    assert {name: article.title for name, article in articles.items()} == {
        "orders/track.md": "Track it",
        "heading.md": "Return it",
        "first-line.txt": "Pay it",
        "page.html": "Wash it",
    }
    assert (articles["orders/track.md"].body, articles["orders/track.md"].tags) == (
        "Look at the label.",
        ["a", "b"],
    )


def test_importing_again_changes_only_what_changed(run, folder):
    run("articles", "import", folder)
    (folder / "heading.md").write_text("# Return it\n\nKeep it.\n")

    result = run("articles", "import", folder, "--json")

    counts = {"created": 0, "updated": 1, "unchanged": 3, "withdrawn": 0, "left_out": 0, "failed": 0}
    assert json.loads(result.stdout) == counts


def test_a_bad_file_is_named_and_the_others_are_imported(run, folder):
    (folder / "empty.md").write_text("---\ntitle: Nothing\n---\n")
    (folder / "broken.md").write_text("---\ntitle: [\n---\ntext\n")
    (folder / "binary.txt").write_bytes(b"\xff\xfe")

    result = run("articles", "import", folder)

    assert (result.exit_code, result.stdout) == (1, "4 created, 0 updated, 0 unchanged, 3 failed\n")
    assert "error: empty.md: there is no text in it" in result.stderr
    assert "error: binary.txt: the file is not UTF-8 text" in result.stderr
    assert "error: broken.md: front matter: while parsing" in result.stderr


def test_json_lines_are_imported(run, sessions, tmp_path):
    path = tmp_path / "articles.jsonl"
    lines = [
        {"id": 7, "title": "Two\nways", "answers": ["Do this.", "Or that."], "tags": "a, b"},
        {"external_id": "x", "title": "One way", "body": "Do this."},
        {"id": "x", "title": "Twice", "body": "Again."},
        {"id": "y", "title": "No body"},
        {"title": "No id", "body": "Do this."},
    ]
    path.write_text("\n".join(json.dumps(line) for line in lines))

    result = run("articles", "import", path)

    articles = stored(sessions)
    assert (result.exit_code, result.stdout) == (1, "2 created, 0 updated, 0 unchanged, 3 failed\n")
    assert result.stderr.splitlines() == [
        "error: articles.jsonl, line 3: the id 'x' was there before",
        "error: articles.jsonl, line 4: body (or answers, a list of texts): there is no text in it",
        "error: articles.jsonl, line 5: external_id or id: must be there, so that importing again changes nothing",
    ]
    assert articles["7"].title == "Two ways"
    assert (articles["7"].body, articles["7"].tags) == ("Do this.\n\nOr that.", ["a", "b"])


EXPORT = {
    "count": 3,
    "articles": [
        {"id": 11, "title": "Refunds", "body": "<h2>When</h2><p>Within&nbsp;five days.</p>", "label_names": ["money"]},
        {"id": 12, "title": "Not yet", "body": "<p>Soon.</p>", "draft": True},
        {"id": 13, "title": "Plain", "body": "If a < b, wait."},
    ],
}


def test_a_help_centres_export_is_imported(run, sessions, tmp_path):
    path = tmp_path / "export.json"
    path.write_text(json.dumps(EXPORT))

    result = run("articles", "import", path)

    articles = stored(sessions)
    assert result.stderr.splitlines() == ["export.json, article 2: left out, because it is a draft (draft: true)"]
    assert (result.exit_code, result.stdout) == (0, "2 created, 0 updated, 0 unchanged, 1 left out\n")
    assert {name: each.body for name, each in articles.items()} == {
        "11": "When:\n\nWithin five days.",
        "13": "If a < b, wait.",
    }
    assert articles["11"].tags == ["money"]


def test_an_article_that_becomes_a_draft_is_withdrawn_and_comes_back(run, sessions, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("---\ntitle: Refunds\n---\nWithin five days.")
    first = run("articles", "import", tmp_path)
    page.write_text("---\ntitle: Refunds\ndraft: true\n---\nWithin five days.")

    withdrawn, again = run("articles", "import", tmp_path), run("articles", "import", tmp_path, "--json")
    gone = stored(sessions)
    page.write_text("---\ntitle: Refunds\n---\nWithin five days.")
    back = run("articles", "import", tmp_path)

    assert first.stdout == back.stdout == "1 created, 0 updated, 0 unchanged\n"
    assert withdrawn.stdout == "0 created, 0 updated, 0 unchanged, 1 withdrawn, 1 left out\n"
    assert withdrawn.stderr == "page.md: left out, because it is a draft (draft: true)\n"
    assert (withdrawn.exit_code, json.loads(again.stdout)["withdrawn"], gone) == (0, 0, {})


def test_what_is_left_out_of_an_article_is_said(run, sessions, tmp_path):
    (tmp_path / "page.mdx").write_text("# Parking\n\n![x](y.png)\n\nInternal note: z\n\nPark in [hall A](./a.md).")
    (tmp_path / "CONTRIBUTING.md").write_text("# Rules\n\nUse the active voice.")
    (tmp_path / "old.adoc").write_text("= Old")

    result = run("articles", "import", tmp_path)

    assert stored(sessions)["page.mdx"].body == "Park in hall A."
    assert (result.exit_code, result.stdout) == (1, "1 created, 0 updated, 0 unchanged, 1 left out, 1 failed\n")
    assert result.stderr.splitlines() == [
        "CONTRIBUTING.md: left out, because it is for those who write the pages",
        "error: old.adoc: .adoc is not read; convert it to .html or .md",
        "note: page.mdx: without 1 images, 1 internal notes",
    ]


@pytest.mark.parametrize("suffix", ["zip", "tar", "tar.gz"])
def test_the_pages_of_an_archive_are_imported_once(run, sessions, folder, tmp_path, suffix):
    names = {"zip": "zip", "tar": "tar", "tar.gz": "gztar"}
    archive = shutil.make_archive(str(tmp_path / "pages"), names[suffix], folder)

    first, again = run("articles", "import", archive), run("articles", "import", archive, "--json")

    assert first.exit_code == again.exit_code
    assert json.loads(again.stdout)["created"] == json.loads(again.stdout)["updated"] == 0
    assert "orders/track.md" in {name.removeprefix("./") for name in stored(sessions)}


def test_a_damaged_archive_is_wrong_input(run, tmp_path):
    path = tmp_path / "pages.zip"
    path.write_bytes(b"PK not a zip")

    result = run("articles", "import", path)

    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "pages.zip: cannot be read as a zip or tar file" in result.stderr


def test_a_page_too_long_to_be_an_article_is_named(run, tmp_path):
    (tmp_path / "long.md").write_text("# All\n" + "word " * 50_000)

    result = run("articles", "import", tmp_path)

    assert "long.md: longer than 200,000 characters" in result.stderr


def test_the_sample_articles_are_imported_once(run):
    first, second = run("articles", "import", "--sample"), run("articles", "import", "--sample")

    assert first.stdout == "25 created, 0 updated, 0 unchanged\n"
    assert second.stdout == "0 created, 0 updated, 25 unchanged\n"


def test_a_folder_without_articles_is_wrong_input(run, tmp_path):
    result = run("articles", "import", tmp_path)

    assert result.exit_code == 2
    assert "holds no .md, .txt or .html file" in result.stderr


@pytest.mark.parametrize("args", [[], ["--sample", "."]])
def test_import_wants_a_path_or_the_sample(run, args):
    result = run("articles", "import", *args)

    assert result.exit_code == 2
    assert "give either a PATH or --sample" in result.stderr


def test_a_key_is_shown_once_works_and_can_be_revoked(run, sessions):
    created = run("keys", "create", "crm")
    key = created.stdout.strip()
    key_id = key.split("_")[1]

    assert find_caller(sessions, key).key_id == key_id
    assert "cannot be shown again" in created.stderr
    assert [
        (each["id"], each["name"]) for each in map(json.loads, run("keys", "list", "--json").stdout.splitlines())
    ] == [(key_id, "crm")]
    assert key not in run("keys", "list").stdout

    revoked = run("keys", "revoke", key_id)

    assert revoked.stdout.startswith(f"{key_id} (crm) is revoked since ")
    assert find_caller(sessions, key) is None


def test_a_key_as_json(run):
    shown = json.loads(run("keys", "create", " crm ", "--json").stdout)

    assert shown["key"].startswith(f"tf_{shown['id']}_")
    assert shown["name"] == "crm"


def test_a_key_that_does_not_exist_is_code_1_and_no_name_code_2(run):
    assert run("keys", "revoke", "nonsense").exit_code == 1
    assert run("keys", "create", " ").exit_code == 2


def test_without_keys_the_list_says_how_to_make_one(run):
    assert "ticketflow keys create" in run("keys", "list").stderr


def test_a_database_is_checked_and_upgraded(run, database_url):
    downgrade(database_url, "base")

    assert run("db", "check").exit_code == 1
    assert "run `ticketflow db upgrade`" in run("keys", "list").stderr

    assert run("db", "upgrade").exit_code == 0
    assert (run("db", "check").exit_code, run("db", "check").stdout) == (0, "the database is up to date\n")


def test_a_database_of_a_newer_version_is_left_as_it_is(run, sessions):
    with sessions.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'of a newer version'"))

    result = run("db", "upgrade")

    assert (result.exit_code, result.stdout) == (0, "the database is of a newer version; left as it is\n")


def test_tables_that_were_changed_by_hand_are_told(run, sessions):
    with sessions.begin() as session:
        session.execute(text("ALTER TABLE articles ADD COLUMN note text"))

    result = run("db", "check")

    assert result.exit_code == 1
    assert "error: the tables are not as this version expects: " in result.stderr


@pytest.fixture
def finished_before_today(served, sessions):
    ticket_id = served.submit()["id"]
    with sessions.begin() as session:
        session.execute(text("UPDATE tickets SET finished_at = now() - interval '91 days'"))
    return ticket_id


def test_pruning_asks_first(run, served, finished_before_today):
    dry, refused, done = (
        run("db", "prune", "--older-than", "2h", *options, text="n\n") for options in (["--dry-run"], [], ["--yes"])
    )

    assert dry.stdout == "would be deleted: tickets 1, idempotency keys 0, kept answers 0\n"
    assert (refused.exit_code, "nothing was deleted" in refused.stderr) == (1, True)
    assert (done.exit_code, done.stdout) == (0, "deleted: tickets 1, idempotency keys 0, kept answers 0\n")
    assert served.get(f"/tickets/{finished_before_today}").status_code == 404


@pytest.mark.parametrize("age", ["90", "3 months", "-1d"])
def test_an_age_that_is_none_is_wrong_input(run, age):
    result = run("db", "prune", "--older-than", age)

    assert result.exit_code == 2
    assert "is not a number with s, m, h or d" in result.stderr


def test_a_key_opens_a_tenant_of_its_own(run, sessions, folder):
    key = run("keys", "create", "crm", "--tenant", "acme").stdout.strip()
    imported = run("articles", "import", folder, "--tenant", "acme")

    assert (imported.exit_code, find_caller(sessions, key).tenant) == (0, "acme")
    assert (len(stored(sessions)), len(read_articles(sessions, "acme", None, 100)[0])) == (0, 4)
    assert [name in run("keys", "list", "--tenant", "acme").stdout for name in ("crm", "acme")] == [True, False]
    assert run("keys", "revoke", key.split("_")[1]).exit_code == 1
    assert run("keys", "revoke", key.split("_")[1], "--tenant", "acme").exit_code == 0


@pytest.mark.parametrize("tenant", ["", "Acme", "a b", "-a", "a" * 64, "*"])
def test_a_tenant_has_a_plain_name(run, tenant):
    result = run("keys", "create", "crm", "--tenant", tenant)

    assert (result.exit_code, result.stdout) == (2, "")
    assert "small letters, digits" in result.stderr
