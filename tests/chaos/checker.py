"""Judges a run by its history and the database's final rows alone; it knows nothing of the program under test.

``python -m tests.chaos.checker HISTORY DATABASE_URL [--expect-dead N|ID,ID…]`` prints what it found and ends
with 1 when something is wrong.
"""

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import namedtuple_row

from tests.chaos.figures import Figures, measure
from tests.chaos.history import read_history
from tests.chaos.trail import FIRST_GRAPH, Event, Graph, walk

ENDED = {"completed", "failed", "cancelled"}
READ_TICKETS = """
    SELECT id::text, status, next_step, graph_version, wake_at, lease_token, is_in_flight,
           coalesce(wake_at <= clock_timestamp(), false) AS is_due
    FROM tickets
"""
READ_EVENTS = "SELECT ticket_id::text AS ticket, type, step, round, detail FROM ticket_events ORDER BY id"
READ_LEDGER = "SELECT ticket_id::text AS ticket, step, round FROM ticket_steps"

Effect = tuple[str, str, int]


class Rows(NamedTuple):
    """What the database holds at the end."""

    tickets: Sequence[Any]
    events: Sequence[Any]
    ledger: Sequence[Any]


@dataclass
class Report:
    """What is wrong with a run; nothing, when every list is empty.

    Attributes:
        lost: Accepted tickets that are gone or never ended.
        doubled: Effects that happened twice, or that nothing asked for.
        undone: Effects a worker was told are stored, and that are not.
        leftover: Tickets that ended and still have a clock, a lease or a place in the window; due rows.
        dead: Failed tickets nobody expected, and expected ones that did not fail.
    """

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    undone: list[str] = field(default_factory=list)
    leftover: list[str] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    figures: Figures = field(default_factory=Figures)

    @property
    def problems(self) -> list[str]:
        """Return all that is wrong."""
        return [*self.lost, *self.doubled, *self.undone, *self.leftover, *self.dead]


def check(
    history: str | Path,
    database_url: str,
    expect_dead: int | Iterable[str] = 0,
    graphs: Sequence[Graph] = (FIRST_GRAPH,),
) -> Report:
    """Judge a run.

    Args:
        expect_dead: How many tickets must have failed, or which.
        graphs: Every version there was.
    """
    lines = list(read_history(history))
    rows = read_rows(database_url)
    report = Report(figures=measure(lines, rows.ledger))
    accepted = [line["ticket"] for line in lines if line["what"] == "accepted"]
    find_lost(accepted, rows, report)
    find_doubled(rows, graphs, report)
    find_undone(lines, rows, report)
    find_leftovers(rows, report)
    find_unexpected_dead(rows, expect_dead, report)
    return report


def read_rows(database_url: str) -> Rows:
    """Read the final rows in one snapshot."""
    url = database_url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(url, row_factory=namedtuple_row) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return Rows(*(connection.execute(query).fetchall() for query in (READ_TICKETS, READ_EVENTS, READ_LEDGER)))


def find_lost(accepted: Sequence[str], rows: Rows, report: Report) -> None:
    """Find accepted tickets that are not there or have not ended, and ids that were promised twice."""
    statuses = {ticket.id: ticket.status for ticket in rows.tickets}
    for ticket, times in Counter(accepted).items():
        if statuses.get(ticket) not in ENDED:
            report.lost.append(f"{ticket}: accepted, and now {statuses.get(ticket, 'gone')}")
        if times > 1:
            report.doubled.append(f"{ticket}: accepted {times} times")


def find_doubled(rows: Rows, graphs: Sequence[Graph], report: Report) -> None:
    """Find trails that are no walk through the steps, and ledger rows that do not match them."""
    trails: dict[str, list[Event]] = defaultdict(list)
    for event in rows.events:
        trails[event.ticket].append(Event(event.type, event.step, event.round, event.detail))
    for ticket in rows.tickets:
        flaws = walk(trails[ticket.id], ticket.status, graphs, ticket.graph_version)
        report.doubled += [f"{ticket.id}: {flaw}" for flaw in flaws]
    told = Counter(_effects(event for event in rows.events if event.type == "step.completed"))
    kept = Counter(_effects(rows.ledger))
    for (ticket, step, number), times in ((told - kept) + (kept - told)).items():
        report.doubled.append(f"{ticket}: trail and ledger differ by {times} in {step}#{number}")


def find_undone(lines: Iterable[dict[str, Any]], rows: Rows, report: Report) -> None:
    """Find effects that a worker was told are stored, and that the ledger does not have."""
    kept = Counter((row.ticket, row.step) for row in rows.ledger)
    told = Counter((line["ticket"], line["step"]) for line in lines if line["what"] == "committed")
    for (ticket, step), times in (told - kept).items():
        report.undone.append(f"{ticket}: {times} commits of {step} are not in the ledger")


def find_leftovers(rows: Rows, report: Report) -> None:
    """Find what an ended ticket must not have any more, and tickets somebody should have sent."""
    for ticket in rows.tickets:
        rest = {"wake_at": ticket.wake_at, "lease": ticket.lease_token, "is_in_flight": ticket.is_in_flight}
        left = [name for name, value in rest.items() if value]
        if ticket.status in ENDED and left:
            report.leftover.append(f"{ticket.id}: {ticket.status}, and still has {', '.join(left)}")
        if ticket.status not in ENDED and ticket.is_due:
            report.leftover.append(f"{ticket.id}: due, and nobody sends it")


def find_unexpected_dead(rows: Rows, expected: int | Iterable[str], report: Report) -> None:
    """Find tickets that failed and should not have, or the other way round."""
    failed = {ticket.id for ticket in rows.tickets if ticket.status == "failed"}
    if isinstance(expected, int):
        if len(failed) != expected:
            report.dead.append(f"{len(failed)} tickets failed, {expected} were expected to: {sorted(failed)[:5]}")
        return
    report.dead += [f"{ticket}: failed" for ticket in sorted(failed - set(expected))]
    report.dead += [f"{ticket}: should have failed" for ticket in sorted(set(expected) - failed)]


def _effects(rows: Iterable[Any]) -> Iterable[Effect]:
    return ((row.ticket, row.step, row.round) for row in rows)


def main(words: Sequence[str] | None = None) -> int:
    """Check a run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.checker", description="Judge a chaos run.")
    parser.add_argument("history")
    parser.add_argument("database_url")
    parser.add_argument("--expect-dead", default="0", help="how many tickets must have failed, or which")
    given = parser.parse_args(words)
    dead = given.expect_dead
    report = check(given.history, given.database_url, int(dead) if dead.isdigit() else dead.split(","))
    sys.stdout.write(json.dumps(asdict(report), indent=2) + "\n")
    return 1 if report.problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
