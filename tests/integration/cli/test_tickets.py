"""Commands that talk to the API, over HTTP."""

import json
from uuid import uuid4

import pytest
from click.testing import Result
from sqlalchemy import text

PASSWORD = {"subject": "Password", "body": "How do I reset my password for order 10021?"}
NOT_YET = {"subject": "Later", "body": "Not yet.", "not_before": "2999-01-01T00:00:00Z"}


def objects(result: Result) -> list[dict]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def tickets_file(tmp_path):
    path = tmp_path / "tickets.jsonl"
    lines = [PASSWORD, PASSWORD, {"subject": ""}, NOT_YET]
    path.write_text("\n".join(json.dumps(line) for line in lines))
    return path


def test_good_lines_are_sent_and_bad_ones_named(run, served, tickets_file):
    result = run("submit", tickets_file, "--json")

    assert result.exit_code == 1
    assert [ticket["subject"] for ticket in objects(result)] == ["Password", "Password", "Later"]
    assert "error: line 3: body: " in result.stderr
    assert "3 of 4 tickets sent" in result.stderr


def test_a_file_submitted_again_sends_nothing_twice(run, served, tickets_file):
    first = run("submit", tickets_file, "--json")
    tickets_file.write_text(tickets_file.read_text().replace('{"subject": ""}', '{"subject": "mended"}'))

    second = run("submit", tickets_file, "--json")

    assert second.exit_code == 0
    assert {ticket["id"] for ticket in objects(first)} < {ticket["id"] for ticket in objects(second)}
    assert "4 of 4 tickets sent, 3 of them before this" in second.stderr
    assert served.count("tickets") == 4


def test_a_file_can_be_submitted_again_on_purpose(run, served, tickets_file):
    run("submit", tickets_file)

    run("submit", tickets_file, "--again")

    assert served.count("tickets") == 6


def test_a_text_from_standard_input_is_waited_for_and_shown(run, served):
    result = run("submit", "--wait", text="Password\nHow do I reset my password?\n")

    assert result.exit_code == 0
    assert "completed" in result.stdout
    assert "final response" in result.stdout


def test_a_ticket_that_has_not_ended_in_time_is_code_1(run, served):
    result = run("submit", "--wait", "--timeout", "0", "--json", text=json.dumps(NOT_YET))

    assert result.exit_code == 1
    assert objects(result)[0]["status"] == "queued"
    assert "not all tickets had ended after 0 s" in result.stderr


def test_show_adds_trail_and_ledger(run, served):
    (ticket,) = objects(run("submit", "--wait", "--json", text=json.dumps(PASSWORD)))

    (shown,) = objects(run("show", ticket["id"], "--events", "--steps", "--json"))

    assert [shown[key] for key in ticket] == list(ticket.values())
    assert shown["events"][-1]["type"] == "ticket.completed"
    assert [step["step"] for step in shown["steps"]] == [
        "classify", "extract", "research", "draft", "review", "finalize"
    ]  # fmt: skip


def test_show_is_readable(run, served):
    (ticket,) = objects(run("submit", "--wait", "--json", text=json.dumps(PASSWORD)))

    result = run("show", ticket["id"], "--events", "--steps")

    assert result.exit_code == 0
    for expected in ("found in the ticket", "citations", "trail", "steps", "fake/writer"):
        assert expected in result.stdout


def test_watch_follows_to_the_end(run, served):
    (ticket,) = objects(run("submit", "--json", text=json.dumps(PASSWORD)))

    events = objects(run("watch", ticket["id"], "--json"))

    assert [event["type"] for event in events if event["type"].startswith("ticket.")] == [
        "ticket.received",
        "ticket.completed",
    ]
    assert len({event["id"] for event in events}) == len(events) == 14


def test_watching_a_cancelled_ticket_is_code_1(run, served, sessions):
    (ticket,) = objects(run("submit", "--json", text=json.dumps(NOT_YET)))
    with sessions.begin() as session:
        session.execute(text("UPDATE tickets SET status = 'cancelled', wake_at = NULL"))

    result = run("watch", ticket["id"])

    assert result.exit_code == 1
    assert "ticket.received" in result.stdout
    assert "cancelled" in result.stdout


def test_a_ticket_that_does_not_exist_is_code_1(run, served):
    result = run("show", str(uuid4()))

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: no ticket ")


def test_a_key_nobody_knows_is_code_2(run, served, monkeypatch):
    monkeypatch.delenv("TICKETFLOW_API_KEY")

    result = run("show", str(uuid4()))

    assert result.exit_code == 2
    assert "set TICKETFLOW_API_KEY" in result.stderr


@pytest.mark.parametrize("command", [["show", str(uuid4())], ["watch", str(uuid4())], ["submit", "--sample"]])
def test_an_api_that_is_not_there_is_code_1(run, command):
    result = run(*command)

    assert result.exit_code == 1
    assert "error: cannot reach http://127.0.0.1:1; is `ticketflow up` running?" in result.stderr


def test_articles_can_be_searched(run, served):
    (passage,) = objects(run("articles", "search", "reset password", "--json"))

    assert passage["title"] == "Reset your password"
    assert "Reset your password" in run("articles", "search", "reset password").stdout
    assert "no article was found" in run("articles", "search", "zebra").stderr


def test_tickets_are_listed_newest_first_and_narrowed(run, served):
    empty = run("list")
    ids = [served.submit(**NOT_YET, channel="chat", priority=priority)["id"] for priority in ("low", "high", "low")]

    newest, low = run("list", "--limit", "2"), objects(run("list", "--priority", "low", "--channel", "chat", "--json"))
    older = run("list", "--older-than", "1h")

    assert (empty.stdout, empty.stderr) == ("", "there are no tickets; `ticketflow submit` sends one\n")
    assert [line.split()[0] for line in newest.stdout.splitlines()] == [ids[2], ids[1]]
    assert newest.stderr == "the newest 2; --all lists every one\n"
    assert [ticket["id"] for ticket in low] == [ids[2], ids[0]]
    assert (older.stdout, older.stderr) == ("", "no ticket fits\n")


def test_every_ticket_is_listed_over_several_pages(run, served, monkeypatch):
    monkeypatch.setattr("ticketflow.cli.client.PAGE", 2)
    ids = [served.submit(**NOT_YET)["id"] for _ in range(5)]

    assert [ticket["id"] for ticket in objects(run("list", "--all", "--json"))] == ids[::-1]
