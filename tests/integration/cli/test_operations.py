"""What people do to a ticket, from the command line."""

import json
from uuid import uuid4

import pytest
from click.testing import Result

PASSWORD = {"subject": "Password", "body": "How do I reset my password for order 10021?"}
NOT_YET = PASSWORD | {"not_before": "2999-01-01T00:00:00Z"}


def objects(result: Result) -> list[dict]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def waiting(served) -> str:
    return served.submit(**NOT_YET)["id"]


@pytest.fixture
def failed(served, waiting) -> str:
    served.fail(waiting)
    return waiting


@pytest.fixture
def completed(served) -> str:
    return served.submit(**PASSWORD)["id"]


def test_tickets_are_cancelled_with_a_reason(run, served, waiting):
    result = run("cancel", waiting, served.submit(**NOT_YET)["id"], "--reason", "sent by mistake", "--json")

    assert (result.exit_code, [ticket["status"] for ticket in objects(result)]) == (0, ["cancelled"] * 2)
    assert "sent by mistake" in run("show", waiting, "--events").stdout


def test_one_ticket_that_refuses_does_not_keep_the_others(run, completed, waiting):
    nowhere = str(uuid4())

    result = run("cancel", completed, nowhere, waiting)

    assert result.exit_code == 1
    assert result.stdout.startswith(f"{waiting}  cancelled")
    assert [line.split(":")[:2] for line in result.stderr.splitlines()] == [
        ["error", f" {completed}"],
        ["error", f" {nowhere}"],
    ]


def test_all_tickets_that_options_find_are_cancelled_but_those_that_completed(run, served, completed, waiting):
    others = [served.submit(**NOT_YET, channel="chat")["id"] for _ in range(2)]

    result = run("cancel", "--channel", "chat", "--yes", "--json")
    rest = run("cancel", "--containing", "password", "--yes", "--json")

    assert sorted(ticket["id"] for ticket in objects(result)) == sorted(others)
    assert ([ticket["id"] for ticket in objects(rest)], rest.exit_code) == ([waiting], 0)


def test_who_gives_options_is_asked_first(run, served, waiting):
    refused = run("cancel", "--status", "queued", text="n\n")
    agreed = run("cancel", "--status", "queued", text="y\n")
    none = run("cancel", "--status", "queued")

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "cancel 1 ticket? [y/N]" in refused.stderr
    assert agreed.stdout.startswith(f"{waiting}  cancelled")
    assert (none.exit_code, none.stderr) == (0, "no ticket fits\n")


def test_all_failed_tickets_that_options_find_are_retried(run, served, failed):
    served.submit(**NOT_YET)

    retried = objects(run("retry", "--containing", "password", "--yes", "--json"))

    assert [(ticket["id"], ticket["status"]) for ticket in retried] == [(failed, "queued")]


def test_a_failed_ticket_is_retried_and_completes(run, failed, served):
    (retried,) = objects(run("retry", failed, "--json"))
    served.finish(failed)

    assert (retried["status"], retried["current_step"]) == ("queued", "research")
    assert run("watch", failed).exit_code == 0


def test_a_rewound_ticket_shows_which_steps_no_longer_count(run, completed):
    result = run("rewind", completed, "review")
    shown = run("show", completed, "--steps")

    assert result.stdout.startswith(f"{completed}  queued")
    assert [step in shown.stdout for step in ("review, superseded", "finalize, superseded", "finalize#2")] == [True] * 3
    assert "draft, superseded" not in shown.stdout


def test_a_fork_is_a_new_ticket_with_other_settings(run, completed):
    settings = ["category=payments_billing", "customer.name=Ada = Lovelace", 'metadata={"plan": "pro"}']
    options = [part for setting in settings for part in ("--set", setting)]

    (fork,) = objects(run("fork", completed, "draft", *options, "--json"))

    assert (fork["forked_from"], fork["category"]) == (completed, "payments_billing")
    assert (fork["customer"]["name"], fork["metadata"]) == ("Ada = Lovelace", {"plan": "pro"})
    assert completed in run("show", fork["id"]).stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["rewind", "ID", "clasify"], "step: Must be one of: classify, "),
        (["fork", "ID", "draft", "--set", "nonsense"], "--set nonsense: write it as FIELD=VALUE"),
        (["fork", "ID", "draft", "--set", "a=1", "--set", "a.b=2"], "--set a.b=2: a has a value already"),
        (["fork", "ID", "draft", "--set", "metadata=x"], "--set metadata=x: not JSON: "),
        (["fork", "ID", "draft", "--set", "colour=red"], "overrides.colour: Unknown field."),
        (["fork", "ID", "classify", "--set", "team=Billing"], "overrides.team: no step before 'classify'"),
        (["retry", "nonsense"], "'nonsense' is not a valid UUID"),
        (["cancel"], "say which: the IDs of tickets, or options that find them"),
        (["retry", "ID", "--team", "Billing"], "say which: the IDs of tickets, or options that find them"),
        (["cancel", "--older-than", "soon"], "'soon' is not a number with s, m, h or d"),
        (["pause", "clasify"], "there is no step 'clasify'; choose all or one of classify, "),
    ],
)
def test_wrong_input_is_one_line_and_code_2(run, completed, args, message):
    result = run(*(completed if arg == "ID" else arg for arg in args))

    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert result.stderr.startswith("error: ")
    assert message in result.stderr


def test_what_does_not_fit_the_ticket_is_code_1(run, failed):
    result = run("rewind", failed, "draft")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "it can go back to: classify, extract" in result.stderr


def test_a_step_is_paused_listed_and_resumed(run, served):
    paused, listed = run("pause", "draft", "--reason", "the model is down"), run("pauses")
    resumed, empty = run("resume", "draft"), run("pauses")

    assert paused.stdout == "draft is paused; `ticketflow resume draft` lets it go on\n"
    assert [word in listed.stdout for word in ("draft", "yours", "the model is down")] == [True] * 3
    assert (resumed.stdout, empty.stdout, empty.stderr) == ("draft goes on\n", "", "nothing is paused\n")


def test_without_a_step_everything_is_paused(run, served):
    (paused,) = objects(run("pause", "--json"))

    assert objects(run("pauses", "--json")) == [paused]
    assert (paused["step"], paused["tenant"]) == ("all", "default")
    assert run("resume").stdout == "every step goes on\n"


def test_what_is_not_paused_cannot_be_resumed(run, served):
    result = run("resume", "draft")

    assert (result.exit_code, result.stderr) == (1, "error: you have not paused draft\n")
