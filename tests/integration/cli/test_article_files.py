"""Files that should not become articles: each is one line of problems, and the others go in."""

import io
import json
import os
import stat
import tarfile
import zipfile

import pytest

from tests.served import Served
from ticketflow.cli.article_files import read_articles
from ticketflow.errors import InvalidInputError
from ticketflow.markup.front_matter import MAX_HEAD_CHARACTERS, split_front_matter

GOOD = "# Refunds\n\nA charge made twice is sent back."


@pytest.fixture
def folder(tmp_path):
    pages = tmp_path / "pages"
    (pages / "below").mkdir(parents=True)
    (pages / "good.md").write_text(GOOD)
    (pages / "below" / "good.txt").write_text("Parcels\n\nEvery parcel has a number.")
    return pages


def read(path) -> tuple[list[str], list[str]]:
    source = read_articles(path)
    assert all(problem.isprintable() for problem in source.problems)
    return sorted(str(each.external_id) for each in source.articles), list(source.problems)


BOMB = "---\na: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
BAD_PAGES = {
    "alias.md": (f"{BOMB}title: x\n---\ntext", "alias"),
    "itself.md": ("---\ntags: &a [*a]\n---\ntext", "alias"),
    "deep.md": (f"---\ntags: {'[' * 5_000}\n---\ntext", ""),
    "long-head.md": (f"---\ntitle: {'x' * MAX_HEAD_CHARACTERS}\n---\ntext", "front matter: longer"),
    "list.md": ("---\ntitle: [a, b]\n---\ntext", "title: must be text"),
    "no-names.md": ("---\n- a\n---\ntext", "not `name: value`"),
    "broken.md": ("---\ntitle: 'x\n---\ntext", ""),
    "python.md": ("---\ntitle: !!python/object/apply:os.system [id]\n---\ntext", "title: must be text"),
    "long-title.md": (f"# {'x' * 501}\n\ntext", "title: longer than 500 characters"),
    "bell.md": ("# a\x07b\n\ntext", "title: must be one line without control"),
    "tags.md": (f"---\ntags: [{', '.join(map(str, range(51)))}]\n---\ntext", "tags: more than 50"),
    "tag.md": (f"---\ntags: [{'x' * 101}]\n---\ntext", "tags: longer than 100"),
    "empty.md": ("", "no text"),
    "head-only.md": ("---\ntitle: x\n---\n", "no text"),
    "long.md": ("x " * 100_001, "longer than 200,000"),
    f"{'n' * 198}.md": ("text", "external_id: longer than 200"),
    "new\nline.md": ("text", "external_id: must be one line"),
    "nul.txt": ("a\0b", "zero byte"),
}


@pytest.mark.parametrize("name", BAD_PAGES, ids=lambda name: ascii(name)[:20])
def test_a_bad_page_is_one_problem_and_the_others_go_in(folder, name):
    text, problem = BAD_PAGES[name]
    (folder / name).write_text(text)

    articles, problems = read(folder)

    assert articles == ["below/good.txt", "good.md"]
    assert len(problems) == 1
    assert problem in problems[0]


@pytest.mark.parametrize("raw", [b"\xff\xfea\0", b"caf\xe9", b"\xed\xa0\x80", b"\x80", "text".encode("utf-32")])
def test_another_encoding_is_one_problem(folder, raw):
    (folder / "odd.txt").write_bytes(raw)

    assert read(folder)[0] == ["below/good.txt", "good.md"]
    assert len(read(folder)[1]) == 1


def test_a_name_that_is_no_text_is_one_problem(folder):
    (folder / os.fsdecode(b"caf\xe9.md")).write_text(GOOD)

    articles, problems = read(folder)

    assert articles == ["below/good.txt", "good.md"]
    assert "external_id" in problems[0]


def test_no_link_is_followed_and_no_device_waited_for(folder, tmp_path):
    secret = tmp_path / "elsewhere"
    secret.mkdir()
    (secret / "shadow.md").write_text("root:x")
    (folder / "file.md").symlink_to(secret / "shadow.md")
    (folder / "folder").symlink_to(secret)
    (folder / "here").symlink_to(folder)
    (folder / "gone.md").symlink_to(tmp_path / "nothing")
    os.mkfifo(folder / "pipe.md")
    (folder / "box.md").mkdir()

    articles, problems = read(folder)

    assert articles == ["below/good.txt", "good.md"]
    assert sorted(problem.partition(":")[0] for problem in problems) == [
        "file.md",
        "folder",
        "gone.md",
        "here",
        "pipe.md",
    ]


STRAYS = ["../up.md", "a/../../up.md", "/etc/up.md", "..\\up.md", "C:\\up.md"]


def test_a_zip_s_links_and_stray_names_are_problems(tmp_path):
    path = tmp_path / "pages.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("good.md", GOOD)
        link = zipfile.ZipInfo("link.md")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/shadow")
        for name in STRAYS:
            archive.writestr(name, GOOD)

    articles, problems = read(path)

    assert articles == ["good.md"]
    assert len(problems) == 1 + len(STRAYS)


def test_a_damaged_or_locked_page_of_a_zip_is_one_problem(tmp_path):
    path = tmp_path / "pages.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("bad.md", "here is what will be damaged")
        archive.writestr("good.md", GOOD)
    path.write_bytes(path.read_bytes().replace(b"will be damaged", b"is now damaged!"))

    articles, problems = read(path)

    assert articles == ["good.md"]
    assert [problem.partition(":")[0] for problem in problems] == ["bad.md"]


def test_a_tar_s_links_devices_and_stray_names_are_problems(tmp_path):
    path = tmp_path / "pages.tar"
    with tarfile.open(path, "w") as archive:
        kinds = {"soft.md": tarfile.SYMTYPE, "hard.md": tarfile.LNKTYPE, "pipe.md": tarfile.FIFOTYPE}
        for name, kind in (kinds | {"device.md": tarfile.CHRTYPE, "folder": tarfile.SYMTYPE}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "good.md"
            archive.addfile(member)
        for name in ("good.md", *STRAYS):
            member = tarfile.TarInfo(name)
            member.size = len(GOOD)
            archive.addfile(member, io.BytesIO(GOOD.encode()))

    articles, problems = read(path)

    assert articles == ["good.md"]
    assert len(problems) == 5 + len(STRAYS)


def test_a_tar_that_breaks_off_gives_what_came_before(tmp_path):
    path = tmp_path / "pages.tar"
    with tarfile.open(path, "w") as archive:
        for name in ("good.md", "lost.md"):
            member = tarfile.TarInfo(name)
            member.size = len(GOOD)
            archive.addfile(member, io.BytesIO(GOOD.encode()))
    path.write_bytes(path.read_bytes()[: 2 * 512 + 512 + 10])

    articles, problems = read(path)

    assert articles == ["good.md"]
    assert len(problems) == 1


ENTRIES = [
    {"title": "x" * 501, "body": "text"},
    {"title": "a\x07b", "body": "text"},
    {"title": "x", "body": "y" * 200_001},
    {"title": "x", "body": "a\ud800"},
    {"title": "a\ud800", "body": "text"},
    {"title": "x", "body": "text", "tags": ["t"] * 51},
    {"title": "x", "body": "text", "tags": ["t" * 101]},
    {"title": "x", "body": "text", "tags": ["a\nb"]},
    {"title": "x", "body": "text", "external_id": "i" * 201},
    {"title": "x", "body": " \n"},
    {"title": " ", "body": "text"},
]


@pytest.mark.parametrize("entry", ENTRIES, ids=range(len(ENTRIES)))
def test_files_and_api_refuse_the_same(tmp_path, sessions, entry):
    path = tmp_path / "articles.jsonl"
    given = {"external_id": "bad", **entry}
    path.write_text(f"{json.dumps({'id': 1, 'title': 'Refunds', 'body': 'text'})}\n{json.dumps(given)}\n")

    articles, problems = read(path)

    assert (articles, len(problems)) == (["1"], 1)
    sent = json.dumps(given)  # as a caller writes it: our own writer would not escape half a character
    assert Served(sessions).post("/articles", data=sent, content_type="application/json").status_code == 422


@pytest.mark.parametrize("line", ["[" * 100_000, '{"id": ' + "9" * 5_000 + "}"], ids=["deep", "long number"])
def test_json_that_no_parser_takes_is_one_problem(tmp_path, line):
    path = tmp_path / "articles.jsonl"
    path.write_text(f"{json.dumps({'id': 1, 'title': 'Refunds', 'body': 'text'})}\n{line}\n")

    assert read(path)[0] == ["1"]
    assert len(read(path)[1]) == 1


def test_front_matter_is_words_as_they_stand():
    head, body = split_front_matter("---\ntitle: 2026-02-31\ntags: [yes, 1, 1.0]\n---\ntext")

    assert (head, body) == ({"title": "2026-02-31", "tags": ["yes", "1", "1.0"]}, "text")
    with pytest.raises(InvalidInputError, match="alias"):
        split_front_matter("---\na: &x 1\nb: *x\n---\ntext")
