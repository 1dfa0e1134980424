"""Commands that join Celery's, for whoever runs the whole system."""

import json
import subprocess
import sys
from importlib import import_module
from uuid import uuid4

import pytest
from click.testing import Result
from sqlalchemy import select, text, update

from tests.harness.processes import REPOSITORY
from tests.served import Served
from ticketflow.services.pauses import read_pauses
from ticketflow.storage.models import Ticket


def objects(result: Result) -> list[dict]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def api(sessions) -> Served:
    return Served(sessions)


@pytest.fixture
def failed(api) -> str:
    ticket_id = api.submit()["id"]
    api.fail(ticket_id)
    return ticket_id


def read_statuses(sessions) -> list[str]:
    with sessions() as session:
        return list(session.scalars(select(Ticket.status).order_by(Ticket.id)))


# -- Tickets ------------------------------------------------------------------------------------


def test_a_ticket_of_any_tenant_is_retried_cancelled_and_rewound(operate, api, sessions, failed):
    with sessions.begin() as session:
        session.execute(text("UPDATE tickets SET tenant = 'elsewhere'"))

    retried, rewound = operate("tickets", "retry", failed), operate("tickets", "rewind", failed, "extract")
    cancelled = operate("tickets", "cancel", failed, "--reason", "no longer wanted")

    assert [result.exit_code for result in (retried, rewound, cancelled)] == [0, 0, 0]
    assert [result.stdout.split()[:2] for result in (retried, rewound, cancelled)] == [
        [failed, "queued"],
        [failed, "queued"],
        [failed, "cancelled"],
    ]


def test_what_one_ticket_refuses_is_done_to_the_others(operate, api, failed):
    completed, nowhere = api.submit()["id"], str(uuid4())
    api.finish(completed)

    conflict, unknown = operate("tickets", "retry", completed), operate("tickets", "retry", completed, nowhere, failed)

    assert (conflict.exit_code, unknown.exit_code) == (1, 2)
    assert unknown.stdout.startswith(f"{failed}  queued")
    assert [line.split(":")[1] for line in unknown.stderr.splitlines()] == [f" {completed}", f" {nowhere}"]


def test_all_tickets_that_a_newer_version_left_behind_begin_again_with_one_command(operate, api, sessions):
    begun, new, strange, _known = (api.submit()["id"] for _ in range(4))
    api.propose(begun)
    with sessions.begin() as session:
        session.execute(update(Ticket).where(Ticket.id.in_([begun, new])).values(graph_version=99))
        session.execute(update(Ticket).where(Ticket.id == strange).values(next_step="polish"))

    rewound = operate("tickets", "rewind", "--left-behind", "classify")
    again = operate("tickets", "rewind", "--left-behind", "classify")

    assert {line.split()[0] for line in rewound.stdout.splitlines()} == {begun, new, strange}
    assert (rewound.exit_code, again.exit_code, again.stdout) == (0, 0, "")
    with sessions() as session:
        assert set(session.scalars(select(Ticket.graph_version))) == {1}


@pytest.mark.parametrize(
    ("step", "tenant", "said"),
    [
        ([], [], "every step, every tenant"),
        (["draft"], [], "draft, every tenant"),
        (["draft"], ["--tenant", "elsewhere"], "draft, tenant elsewhere"),
    ],
)
def test_what_is_paused_is_resumed_in_the_same_words(operate, sessions, step, tenant, said):
    paused = operate("tickets", "pause", *step, *tenant, "--reason", "repairs")
    (pause,) = read_pauses(sessions)
    resumed, again = (operate("tickets", "resume", *step, *tenant) for _ in range(2))

    assert (paused.stdout, resumed.stdout) == (f"paused: {said}\n", f"resumed: {said}\n")
    assert (pause.step, pause.reason, read_pauses(sessions)) == ((step or ["all"])[0], "repairs", [])
    assert (again.exit_code, again.stderr) == (2, f"error: not paused: {said}\n")


# -- Failed tickets -----------------------------------------------------------------------------


def test_failed_tickets_are_listed_in_the_order_they_failed(operate, api, failed):
    second = api.submit()["id"]
    api.fail(second)

    shown = operate("dead", "list")

    assert [line.split()[0] for line in shown.stdout.splitlines()] == [failed, second]
    assert "research    PermanentError: the index is broken" in shown.stdout
    assert [ticket["id"] for ticket in objects(operate("dead", "list", "--json", "--limit", "1"))] == [failed]


@pytest.mark.parametrize(
    ("options", "is_found"),
    [
        (["--step", "research"], True),
        (["--step", "draft"], False),
        (["--error-class", "PermanentError", "--older-than", "0s"], True),
        (["--error-class", "TransientError"], False),
        (["--older-than", "2h"], False),
        (["--id", "018f6f2e-0000-7000-8000-000000000001"], False),
    ],
)
def test_failed_tickets_are_narrowed_down_by(operate, failed, options, is_found):
    result = operate("dead", "list", *options)

    assert (result.exit_code, failed in result.stdout) == (0, is_found)
    assert is_found or result.stderr == "there are no such failed tickets\n"


def test_a_failed_ticket_shows_where_it_failed(operate, failed):
    result, as_json = operate("dead", "show", failed), operate("dead", "show", failed, "--json")

    assert "error       PermanentError: the index is broken" in result.stdout
    assert "at tests.served:" in result.stdout
    assert objects(as_json)[0]["error"]["step"] == "research"


def test_a_replay_sends_on_again_whatever_it_is_told_to(operate, api, sessions, failed):
    api.fail(api.submit()["id"])

    tried = operate("dead", "replay", "--all", "--dry-run")
    one, rest = operate("dead", "replay", "--id", failed), operate("dead", "replay", "--step", "research")

    assert (tried.stdout, one.stdout, rest.stdout) == ("2 would be replayed\n", "1 replayed\n", "1 replayed\n")
    assert read_statuses(sessions) == ["queued", "queued"]
    assert operate("dead", "replay", "--all").stdout == "0 replayed\n"


def test_a_replay_works_in_chunks(operate, api, sessions, monkeypatch):
    # Not by its dotted name: until somebody imports the module, that is the command that stands in for it.
    monkeypatch.setattr(import_module("ticketflow.cli.operator.dead"), "CHUNK", 2)
    for _ in range(5):
        api.fail(api.submit()["id"])

    assert operate("dead", "replay", "--all").stdout == "5 replayed\n"
    assert read_statuses(sessions) == ["queued"] * 5


def test_a_purge_asks_first(operate, sessions, failed):
    tried = operate("dead", "purge", "--all", "--dry-run")
    refused, unanswered = operate("dead", "purge", "--all", text="n\n"), operate("dead", "purge", "--all")
    left = read_statuses(sessions)
    agreed = operate("dead", "purge", "--all", text="y\n")

    assert (tried.stdout, refused.exit_code, unanswered.exit_code, left) == ("1 would be purged\n", 1, 130, ["failed"])
    assert "failed tickets to cancel for good: 1; go on? [y/N]" in refused.stderr
    assert (agreed.exit_code, agreed.stdout, read_statuses(sessions)) == (0, "1 purged\n", ["cancelled"])


def test_a_purge_can_be_told_not_to_ask(operate, sessions, failed):
    assert operate("dead", "purge", "--all", "--yes").stdout == "1 purged\n"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["dead", "replay"], "say which: --id"),
        (["dead", "purge", "--yes"], "say which: --id"),
        (["dead", "replay", "--all", "--step", "draft"], "say which: --id"),
        (["dead", "list", "--older-than", "two hours"], "'two hours' is not a number with s, m, h or d, such as 2h"),
        (["dead", "list", "--step", "drafts"], "'drafts' is not one of 'classify'"),
        (["dead", "show", "018f6f2e-0000-7000-8000-000000000001"], "018f6f2e-0000-7000-8000-000000000001 has not fai"),
        (["dead", "replay", "--id", "018f6f2e-0000-7000-8000-000000000001"], "not failed, or left out by another fil"),
        (["tickets", "rewind", "018f6f2e-0000-7000-8000-000000000001", "drafts"], "'drafts' is not one of 'classify'"),
        (["tickets", "rewind", "classify"], "say which: the ids of tickets, or --left-behind"),
        (["tickets", "cancel", "1"], "'1' is not a valid UUID"),
        (["tickets", "pause", "drafts"], "'drafts' is not one of 'all', 'classify'"),
        (["queues", "--nonsense"], "No such option"),
    ],
)
def test_wrong_input_is_one_line_and_code_2(operate, args, message):
    result = operate(*args)

    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert result.stderr.startswith("error: ")
    assert message in result.stderr


def test_a_database_that_is_not_there_is_one_line_and_code_1(operate, monkeypatch):
    monkeypatch.setenv("TICKETFLOW_DATABASE_URL", "postgresql://127.0.0.1:1/x")

    result = operate("dead", "list")

    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert result.stderr.startswith("error: the database does not answer: ")


def test_celery_s_own_commands_do_not_load_ours():
    code = "import sys; import celery.bin.celery; print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True, text=True, capture_output=True)

    loaded = {name for name in done.stdout.split() if name.startswith("ticketflow")}
    assert "ticketflow.cli.operator" in loaded
    assert loaded <= {"ticketflow", *(f"ticketflow.cli{each}" for each in ("", ".errors", ".group", ".operator"))} | {
        "ticketflow.errors"
    }
