"""What agents do with drafts and findings, from the command line."""

import json
import sys

import pytest
from click.testing import Result

PASSWORD = {"subject": "Password", "body": "How do I reset my password? 10021"}
LATER = {"not_before": "2998-01-01T00:00:00Z"}


def objects(result: Result) -> list[dict]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def awaiting(served) -> str:
    ticket_id = served.submit(**PASSWORD, **LATER)["id"]
    served.propose(ticket_id)
    return ticket_id


@pytest.fixture
def completed(served) -> str:
    return served.submit(**PASSWORD)["id"]


def finish(run, served, ticket_id) -> dict:
    served.finish(ticket_id)
    (ticket,) = objects(run("show", ticket_id, "--json"))
    return ticket


def test_waiting_drafts_are_listed_and_shown_in_full(run, awaiting):
    listed, in_full, other = run("approvals"), run("approvals", "--drafts"), run("approvals", "--team", "Billing")

    assert [word in listed.stdout for word in ("Accounts", "always", "Password", awaiting)] == [True] * 4
    assert "Open the sign-in page" in in_full.stdout
    assert "an acknowledgement is sent instead" in " ".join(in_full.stdout.replace("│", " ").split())
    assert (other.stdout, other.stderr) == ("", "no draft waits for a person\n")
    assert [ticket["id"] for ticket in objects(run("approvals", "--json"))] == [awaiting]


def test_a_draft_is_approved_as_it_is(run, served, awaiting):
    result = run("approve", awaiting)

    ticket = finish(run, served, awaiting)
    assert (result.exit_code, result.stdout.startswith(f"{awaiting}  queued")) == (0, True)
    assert (ticket["final_response"], ticket["result"]["decided_by"]) == (ticket["draft"], "person")


@pytest.mark.parametrize(("given", "text"), [("Please call us.", None), ("-", "Please call us.")])
def test_a_draft_is_edited_in_place_or_from_a_pipe(run, served, awaiting, given, text):
    result = run("approve", awaiting, "--edit", given, "--note", "shorter", text=text)

    assert result.exit_code == 0, result.stderr
    assert finish(run, served, awaiting)["final_response"] == "Please call us."


def test_a_draft_is_edited_in_an_editor(run, served, awaiting, tmp_path, monkeypatch):
    editor = tmp_path / "editor.py"
    editor.write_text("import sys; open(sys.argv[1], 'a').write('We are open until five.\\n')")
    monkeypatch.setenv("EDITOR", f"{sys.executable} {editor}")
    monkeypatch.delenv("VISUAL", raising=False)

    result = run("approve", awaiting, "--edit")

    ticket = finish(run, served, awaiting)
    assert result.exit_code == 0, result.stderr
    assert ticket["final_response"] == f"{ticket['draft']}\nWe are open until five."


def test_an_editor_left_without_a_change_decides_nothing(run, awaiting, monkeypatch):
    monkeypatch.setenv("EDITOR", "true")
    monkeypatch.delenv("VISUAL", raising=False)

    result = run("approve", awaiting, "--edit")

    assert (result.exit_code, "was not changed" in result.stderr) == (2, True)
    assert run("approvals").exit_code == 0


def test_a_reply_from_a_pipe_must_be_text(run, awaiting):
    result = run("approve", awaiting, "--edit", "-", text=b"caf\xe9")

    assert (result.exit_code, result.stderr) == (2, "error: standard input is not UTF-8 text (byte 3)\n")


def test_a_rejected_draft_goes_back_with_the_note(run, served, awaiting):
    (rejected,) = objects(run("approve", awaiting, "--reject", "--note", "name our phone number", "--json"))
    shown = run("show", awaiting)

    assert (rejected["status"], rejected["current_step"]) == ("queued", "draft")
    assert "name our phone number" in shown.stdout


def test_a_ticket_is_ignored(run, served, awaiting):
    run("approve", awaiting, "--ignore")

    assert finish(run, served, awaiting)["result"]["resolution"] == "ignored"


def test_whoever_read_an_older_version_or_comes_second_decides_nothing(run, awaiting):
    stale = run("approve", awaiting, "--seen", "1")
    first, second = run("approve", awaiting), run("approve", awaiting, "--ignore")

    assert (stale.exit_code, first.exit_code, second.exit_code) == (1, 0, 1)
    assert "read it again" in stale.stderr
    assert "nobody is asked to decide" in second.stderr


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["approve", "ID", "--reject", "--ignore"], "--reject and --ignore do not go together"),
        (["approve", "ID", "--edit", "Card 4111 1111 1111 1111"], "final_response: it holds a full card"),
        (["correct", "ID"], "Send category, priority or entities."),
        (["correct", "ID", "--category", "shiping"], "category: there is no category 'shiping'; choose one of "),
        (["correct", "ID", "--priority", "asap"], "'asap' is not one of"),
        (["corrections", "export", "--since", "yesterday"], "since: Not an instant"),
    ],
)
def test_wrong_input_is_one_line_and_code_2(run, awaiting, args, message):
    result = run(*(awaiting if arg == "ID" else arg for arg in args))

    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert message in result.stderr


def test_what_people_corrected_and_approved_is_exported_for_evaluation(run, served, awaiting, completed):
    run("correct", completed, "--category", "orders")
    corrected = run("correct", completed, "--category", "shipping", "--priority", "high", "--note", "a parcel")
    run("approve", awaiting, "--edit", "Please call us.")

    exported = objects(run("corrections", "export"))
    categories = objects(run("corrections", "export", "--field", "category"))
    text = f"{PASSWORD['subject']}\n{PASSWORD['body']}"
    draft = "Hello,\n\nOpen the sign-in page to reset your password.\n\nBye"

    assert corrected.stdout.startswith(f"{completed}  completed (answered)  shipping")
    assert categories == [{"text": text, "label": "shipping"}]
    assert exported == [
        {"text": text, "label": "shipping"},
        {"text": text, "priority": "high"},
        {"text": text, "draft": draft, "sent": "Please call us."},
    ]
