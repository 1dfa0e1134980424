"""Commands that work on the database itself."""

import json

import pytest
from sqlalchemy import text

from ticketflow.services.articles import read_articles
from ticketflow.services.keys import find_caller
from ticketflow.storage.migrate import downgrade


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


def stored(sessions) -> dict[str, dict]:
    found, _ = read_articles(sessions, "default", None, 100)
    return {article["external_id"]: article for article in found}


def test_a_folder_is_imported_with_titles_and_tags(run, sessions, folder):
    result = run("articles", "import", folder)

    articles = stored(sessions)
    assert (result.exit_code, result.stdout) == (0, "4 created, 0 updated, 0 unchanged\n")
    assert {name: article["title"] for name, article in articles.items()} == {
        "orders/track.md": "Track it",
        "heading.md": "Return it",
        "first-line.txt": "Pay it",
        "page.html": "Wash it",
    }
    assert (articles["orders/track.md"]["body"], articles["orders/track.md"]["tags"]) == (
        "Look at the label.",
        ["a", "b"],
    )


def test_importing_again_changes_only_what_changed(run, folder):
    run("articles", "import", folder)
    (folder / "heading.md").write_text("# Return it\n\nKeep it.\n")

    result = run("articles", "import", folder, "--json")

    assert json.loads(result.stdout) == {"created": 0, "updated": 1, "unchanged": 3, "failed": 0}


def test_a_bad_file_is_named_and_the_others_are_imported(run, folder):
    (folder / "empty.md").write_text("---\ntitle: Nothing\n---\n")
    (folder / "broken.md").write_text("---\ntitle: [\n---\ntext\n")
    (folder / "binary.txt").write_bytes(b"\xff\xfe")

    result = run("articles", "import", folder)

    assert (result.exit_code, result.stdout) == (1, "4 created, 0 updated, 0 unchanged, 3 failed\n")
    assert "error: empty.md: there is no text in it" in result.stderr
    assert "error: binary.txt: the file is not UTF-8 text" in result.stderr
    assert "error: broken.md: while parsing" in result.stderr


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
        "error: line 3: the id 'x' was there before",
        "error: line 4: body: must be text, or answers a list of texts",
        "error: line 5: external_id or id: must be there, so that importing again changes nothing",
    ]
    assert articles["7"]["title"] == "Two ways"
    assert (articles["7"]["body"], articles["7"]["tags"]) == ("Do this.\n\nOr that.", ["a", "b"])


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
    assert run("db", "check").exit_code == 0


def test_tables_that_were_changed_by_hand_are_told(run, sessions):
    with sessions.begin() as session:
        session.execute(text("ALTER TABLE articles ADD COLUMN note text"))

    result = run("db", "check")

    assert result.exit_code == 1
    assert "error: the tables are not as this version expects: " in result.stderr
