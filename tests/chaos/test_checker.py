import subprocess
import sys

import pytest
from sqlalchemy import create_engine, text

from tests.chaos.checker import check, main
from tests.chaos.figures import measure
from tests.chaos.history import History
from tests.chaos.trail import FIRST_GRAPH, ORDER, Event, Graph, walk
from tests.harness.processes import REPOSITORY

TICKET = "018f6f2e-0000-7000-8000-000000000001"
INSERT_TICKET = """
    INSERT INTO tickets (id, subject, body, status, next_step, state, wake_at)
    VALUES (:id, 'Password', 'How?', 'processing', 'classify', '{}', now() + interval '1 hour')
"""
INSERT_EVENT = "INSERT INTO ticket_events (ticket_id, type, step, round, generation) VALUES (:id, :type, :step, 1, 1)"
INSERT_STEP = """
    INSERT INTO ticket_steps (ticket_id, step, round, generation, attempts, input_hash, output, engines, started_at,
                              duration_s, ticket_version)
    VALUES (:id, :step, 1, 1, 1, '', '{}', '[]', now(), 0, 1)
"""
COMPLETE = "UPDATE tickets SET status = 'completed', next_step = NULL, wake_at = NULL"
FAIL = "UPDATE tickets SET status = 'failed', wake_at = NULL"


def completed(*steps: str, number: int = 1) -> list[Event]:
    return [Event("step.completed", step, number, {}) for step in steps]


RECEIVED = Event("ticket.received", None, None, {})
COMPLETED = Event("ticket.completed", "finalize", 1, {})
STRAIGHT = [RECEIVED, *completed(*ORDER), COMPLETED]
TO_REVIEW = [RECEIVED, *completed("classify", "extract", "research", "draft", "review")]
REVISED = Event("draft.revised", "review", 1, {"after": "review"})
GRAPHS = (
    FIRST_GRAPH,
    Graph(("classify", "extract", "research", "draft", "weigh", "review", "finalize"), {"review": "weigh"}),
)


def changed_over(step: str, from_step: str) -> Event:
    return Event("ticket.graph_changed", step, None, {"from_version": 1, "to_version": 2, "from_step": from_step})


class World:
    """A database and a history that tests fill by hand."""

    def __init__(self, url, folder):
        self.url = url
        self.path = folder / "history"
        self.history = History(self.path)
        self.engine = create_engine(url)

    def run(self, statement, **values):
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)

    def accept(self):
        self.history.record("accepted", ticket=TICKET)
        self.run(INSERT_TICKET, id=TICKET)
        self.run(INSERT_EVENT, id=TICKET, type="ticket.received", step=None)

    def take_effect(self, step):
        self.run(INSERT_STEP, id=TICKET, step=step)
        self.run(INSERT_EVENT, id=TICKET, type="step.completed", step=step)

    def complete(self):
        self.accept()
        for step in ORDER:
            self.take_effect(step)
        self.run(INSERT_EVENT, id=TICKET, type="ticket.completed", step="finalize")
        self.run(COMPLETE)

    def check(self, **how):
        return check(self.path, self.url, **how)


@pytest.fixture
def world(database_url, tmp_path):
    world = World(database_url, tmp_path)
    yield world
    world.engine.dispose()


def test_the_checker_knows_nothing_of_the_program_it_judges():
    code = "import sys, tests.chaos.checker; print([name for name in sys.modules if name.startswith('ticketflow')])"

    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True, text=True, capture_output=True)

    assert done.stdout.strip() == "[]"


def test_a_straight_walk_has_no_flaw():
    assert walk(STRAIGHT, "completed") == []


def test_a_revised_draft_is_a_reason_for_a_second_round():
    again = completed("draft", "review", number=2)

    assert walk([*TO_REVIEW, REVISED, *again, *completed("finalize"), COMPLETED], "completed") == []


def test_a_rewound_ticket_may_go_on_from_where_it_was_set():
    rewound = [Event("ticket.rewound", None, None, {}), *completed("review", "finalize", number=2), COMPLETED]

    assert walk([*STRAIGHT, *rewound], "completed") == []


def test_a_ticket_of_a_newer_graph_walks_through_its_steps():
    trail = [RECEIVED, *completed(*GRAPHS[1].order), COMPLETED]

    assert walk(trail, "completed", GRAPHS, version=2) == []
    assert walk(trail, "completed", GRAPHS, version=1) != []


def test_a_ticket_that_changes_over_goes_on_where_the_rule_says():
    before, after = [RECEIVED, *completed(*ORDER[:4])], [*completed("weigh", "review", "finalize"), COMPLETED]

    assert walk([*before, changed_over("weigh", "review"), *after], "completed", GRAPHS, version=2) == []
    assert walk([*before, changed_over("review", "review"), *after[1:]], "completed", GRAPHS, version=2) != []
    assert walk([*before, changed_over("draft", "draft"), *after], "completed", GRAPHS, version=2) != []


@pytest.mark.parametrize(
    ("trail", "status"),
    [
        ([RECEIVED, *completed("classify", *ORDER), COMPLETED], "completed"),
        ([RECEIVED, *completed("classify"), *completed("classify", number=2)], "processing"),
        ([RECEIVED, *completed("classify", "research")], "processing"),
        ([*TO_REVIEW, *completed("draft", number=2)], "processing"),
        ([*TO_REVIEW, REVISED, *completed("draft", number=3)], "processing"),
        ([*STRAIGHT, COMPLETED], "completed"),
        ([*STRAIGHT, Event("ticket.failed", None, None, {})], "failed"),
        ([*STRAIGHT, *completed("finalize", number=2)], "completed"),
        ([*TO_REVIEW, COMPLETED], "completed"),
        (STRAIGHT[:-1], "completed"),
        (STRAIGHT, "processing"),
        (STRAIGHT[1:], "completed"),
    ],
    ids=[
        "a step twice",
        "a further round without a reason",
        "a step left out",
        "a loop without a reason",
        "a round left out",
        "two endings",
        "two different endings",
        "an effect after the end",
        "an early end",
        "no ending",
        "an ending the ticket does not know of",
        "never received",
    ],
)
def test_a_trail_is_no_walk_with(trail, status):
    assert walk(trail, status) != []


def test_a_completed_ticket_is_fine(world):
    world.complete()

    report = world.check()

    assert report.problems == []
    assert (report.figures.accepted, report.figures.effects) == (1, 6)
    assert main([str(world.path), world.url]) == 0


def test_an_accepted_ticket_that_is_gone_is_lost(world):
    world.history.record("accepted", ticket=TICKET)

    assert world.check().lost == [f"{TICKET}: accepted, and now gone"]


def test_an_accepted_ticket_that_never_ended_is_lost(world):
    world.accept()

    assert world.check().lost == [f"{TICKET}: accepted, and now processing"]
    assert main([str(world.path), world.url]) == 1


def test_a_due_ticket_that_nobody_sends_is_a_leftover(world):
    world.accept()
    world.run("UPDATE tickets SET wake_at = now() - interval '1 minute'")

    assert world.check().leftover == [f"{TICKET}: due, and nobody sends it"]


def test_a_place_in_the_window_left_by_an_ended_ticket_is_a_leftover(world):
    world.complete()
    world.run("UPDATE tickets SET is_in_flight = true")

    assert world.check().leftover == [f"{TICKET}: completed, and still has is_in_flight"]


def test_a_ledger_row_without_its_event_is_a_doubled_effect(world):
    world.complete()
    world.run(INSERT_STEP.replace("1, 1, 1", "2, 1, 1"), id=TICKET, step="draft")

    assert world.check().doubled == [f"{TICKET}: trail and ledger differ by 1 in draft#2"]


def test_a_committed_effect_that_the_ledger_does_not_have_is_undone(world):
    world.accept()
    world.history.record("committed", ticket=TICKET, step="classify", pid=1)

    assert world.check().undone == [f"{TICKET}: 1 commits of classify are not in the ledger"]


def test_the_failed_tickets_are_exactly_those_expected(world):
    world.accept()
    world.run(FAIL)
    world.run(INSERT_EVENT, id=TICKET, type="ticket.failed", step="classify")

    assert world.check().dead != []
    assert world.check(expect_dead=1).problems == []
    assert world.check(expect_dead=[TICKET]).problems == []
    assert world.check(expect_dead=["another"]).dead == [f"{TICKET}: failed", "another: should have failed"]


def test_figures_tell_what_was_computed_in_vain_and_how_long_a_ticket_stood_still():
    lines = [
        {"at": 1.0, "what": "accepted", "ticket": "a"},
        {"at": 2.0, "what": "executing", "ticket": "a", "step": "classify", "pid": 1},
        {"at": 2.0, "what": "executing", "ticket": "b", "step": "classify", "pid": 1},
        {"at": 2.1, "what": "committed", "ticket": "b", "step": "classify", "pid": 1},
        {"at": 2.5, "what": "killed", "pids": [1]},
        {"at": 4.0, "what": "executing", "ticket": "a", "step": "classify", "pid": 2},
        {"at": 4.1, "what": "committed", "ticket": "a", "step": "classify", "pid": 2},
    ]

    figures = measure(lines, ["effect", "effect"])

    assert (figures.ratio, figures.interrupted, figures.recovery_p50_s) == (1.5, 1, 1.5)
