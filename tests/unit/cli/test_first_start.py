"""What a newcomer sees of the first start."""

import stat
from contextlib import closing
from pathlib import Path

import pytest

from ticketflow.cli.first_start import greet, tell_answer
from ticketflow.cli.processes import Child, CommonLog
from ticketflow.settings import Settings
from ticketflow.storage.embedded import LOCK_FILE, find_account, make_private

KEY = "tf_9b8f4782aa72_S6VQYjBZTcYLJ0AIlDJTBSnHE3Em-FmK8mQ6tRNlo7Y"
ANSWERED = {
    "subject": "Password",
    "category": "account_access",
    "priority": "normal",
    "status": "completed",
    "result": {"resolution": "answered", "team": "Accounts"},
    "citations": [
        {"title": "Reset it", "quote": "Choose it anew."},
        {"title": "Reset it", "quote": "It takes a minute."},
    ],
}


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(data_dir=tmp_path, port=18080)


def permissions(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_box_has_all_in_one_piece_each_on_a_line_of_its_own(settings, tmp_path, capsys):
    greet(settings, tmp_path / "ticketflow.log", new_key=KEY)

    lines = capsys.readouterr().out.splitlines()
    for whole in ("http://127.0.0.1:18080 ", "http://127.0.0.1:18080/docs", KEY, "ticketflow.log", " submit --wait"):
        assert any(whole in line for line in lines)
    assert lines[-1] == "Ctrl-C stops everything; nothing is lost."


def test_a_key_that_was_there_before_is_not_shown(settings, tmp_path, capsys):
    greet(settings, tmp_path / "ticketflow.log", new_key=None)

    shown = capsys.readouterr().out
    assert "tf_" not in shown
    assert f"in {tmp_path}/cli.key" in shown


def test_an_answer_is_what_it_quotes(capsys):
    tell_answer(ANSWERED)

    assert capsys.readouterr().out.splitlines() == [
        "",
        "Password",
        "  account_access · answered · Accounts",
        "    Reset it: Choose it anew. It takes a minute.",
    ]


def test_a_ticket_that_was_routed_quotes_nothing(capsys):
    tell_answer(ANSWERED | {"result": {"resolution": "routed", "team": "Accounts"}})

    assert "Reset it" not in capsys.readouterr().out


@pytest.mark.parametrize("is_shown", [False, True])
def test_the_log_of_a_process_is_kept_and_shown_if_it_is_wanted(tmp_path, capfd, is_shown):
    with closing(CommonLog(tmp_path / "log", is_shown=is_shown)) as log:
        child = Child("toy", ["sh", "-c", "echo one; echo two >&2"], log)
        child.start()
        child.wait(10)

    assert sorted((tmp_path / "log").read_text().splitlines()) == ["   toy | one", "   toy | two"]
    assert ("toy | one" in capfd.readouterr().out) == is_shown
    child.show_last_lines()
    assert "   toy | two" in capfd.readouterr().out


def test_a_data_folder_is_closed_to_others(tmp_path):
    fresh, used, foreign = tmp_path / "fresh", tmp_path / "used", tmp_path / "foreign"
    for folder, name in ((used, LOCK_FILE), (foreign, "thesis.txt")):
        folder.mkdir(mode=0o755)
        (folder / name).touch()

    for folder in (fresh, used, foreign):
        make_private(folder)

    closed = 0o700 if find_account() is None else 0o710  # PostgreSQL's account passes through
    assert [permissions(folder) for folder in (fresh, used, foreign)] == [closed, closed, 0o755]


def test_a_ticket_without_a_letter_says_why(capsys):
    tell_answer(ANSWERED | {"result": {"resolution": "ignored", "team": "Accounts", "reason": "auto_reply"}})

    assert "No letter: nobody need answer this (auto_reply)." in capsys.readouterr().out


def test_what_is_left_of_a_ticket_and_what_a_person_has_at_once_are_shown(capsys):
    half = {"resolution": "answered", "team": "Workshop", "handed_over": ["Do you true wheels?"]}
    tell_answer(ANSWERED | {"result": half})
    tell_answer(
        ANSWERED | {"priority": "urgent", "result": {"resolution": "routed", "team": "Care", "reason": "danger"}}
    )

    shown = capsys.readouterr().out
    assert "    Handed over to Workshop: “Do you true wheels?”" in shown
    assert "account_access · urgent · routed · Care" in shown
    assert "No article may answer this (danger): a person reads it before others." in shown
